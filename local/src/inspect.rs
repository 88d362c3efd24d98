//! `/_local`: a look into the local cloud, for people and tests.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::aws::sqs::{Queue, Queues};
use crate::functions::{Pool, PoolView};
use crate::invocations::{Invocations, KEPT_INVOCATIONS};
use crate::mail::{self, Mailbox};
use crate::sources::{ScheduleError, Schedules};

/// What `/_local` can show.
#[derive(Debug)]
pub(crate) struct Inspector {
    pub(crate) functions: Vec<Arc<Pool>>,
    pub(crate) aws_url: String,
    pub(crate) invocations: Arc<Invocations>,
    pub(crate) queues: Arc<Queues>,
    pub(crate) schedules: Arc<Schedules>,
    pub(crate) mailbox: Mailbox,
}

impl Inspector {
    /// The answer to a request for `/_local/mail` or below, if `path`, which is behind `/_local`, is that.
    pub(crate) fn mail<B>(&self, request: &Request<B>, path: &str) -> Option<Response<Full<Bytes>>> {
        let below = path.strip_prefix("/mail").filter(|below| below.is_empty() || below.starts_with('/'))?;
        Some(mail::answer(&self.mailbox, request.method(), request.uri(), request.headers(), below))
    }

    /// The answer to a request for `/_local` and the `path` behind it.
    pub(crate) async fn answer(&self, method: &Method, path: &str) -> (StatusCode, Value) {
        let path = path.trim_end_matches('/');
        if method == Method::GET {
            return self.page(path);
        }
        if let Some(name) = path.strip_prefix("/schedules/").filter(|_| method == Method::POST) {
            return self.run_schedule(name).await;
        }
        let message = "this can only be looked at: GET";
        (StatusCode::METHOD_NOT_ALLOWED, json!({ "message": message }))
    }

    fn page(&self, path: &str) -> (StatusCode, Value) {
        let body = match path {
            "" => json!({
                "aws": self.aws_url,
                "pages": {
                    "/_local/functions": "functions, their sandboxes, cold starts and errors",
                    "/_local/mail": "mail that was sent; DELETE forgets it",
                    "/_local/mail/templates": "the mails that can be sent, with made-up contents",
                    "/_local/invocations": format!("the last {KEPT_INVOCATIONS} invocations, the latest first"),
                    "/_local/queues": "queues, how many messages they have, and the dead letters",
                    "/_local/schedules": "what runs when; POST /_local/schedules/<function> runs it now",
                },
            }),
            "/functions" => {
                let views: Vec<PoolView> = self.functions.iter().map(|pool| pool.view()).collect();
                json!(views)
            }
            "/invocations" => self.invocations.view(),
            "/queues" => self.queues.iter().map(|queue| self.queue(queue)).collect(),
            "/schedules" => self.schedules.view(),
            other => {
                let message = format!("there is no /_local{other} in this local cloud; see /_local/");
                return (StatusCode::NOT_FOUND, json!({ "message": message }));
            }
        };
        (StatusCode::OK, body)
    }

    fn queue(&self, queue: &Queue) -> Value {
        let name = queue.name();
        let redrive = queue.settings().redrive();
        let mut view = json!({
            "name": name,
            "url": self.queues.url(name),
            "messages": queue.counts(),
            "dead_letter_queue": redrive.map(crate::template::Redrive::dead_letter_queue),
        });
        if let (true, Some(fields)) = (queue.settings().holds_dead_letters(), view.as_object_mut()) {
            let letters = queue.contents().into_iter().map(|(message, receives)| {
                json!({
                    "id": message.id,
                    "body": message.body,
                    "attributes": message.attributes,
                    "receive_count": receives,
                    "from": message.source_arn,
                    "sent": message.sent.to_string(),
                })
            });
            fields.insert("dead_letters".to_owned(), letters.collect());
        }
        view
    }

    async fn run_schedule(&self, name: &str) -> (StatusCode, Value) {
        match self.schedules.run(name).await {
            Ok(result) => (StatusCode::OK, result),
            Err(error) => {
                let status = match error {
                    ScheduleError::Unknown(_) => StatusCode::NOT_FOUND,
                    ScheduleError::Failed { .. } => StatusCode::BAD_GATEWAY,
                };
                (status, json!({"message": error.to_string()}))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    const TEMPLATE: &str = "
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties: { RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1 }, VisibilityTimeout: 0 }
  Dead: { Type: 'AWS::SQS::Queue' }
";

    fn inspector() -> Inspector {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        Inspector {
            functions: Vec::new(),
            aws_url: String::new(),
            invocations: Arc::default(),
            queues: Queues::new("http://127.0.0.1:4566", template.queues()),
            schedules: Arc::default(),
            mailbox: Mailbox::new(),
        }
    }

    #[tokio::test]
    async fn other_pages_do_not_exist() {
        let inspector = inspector();
        assert_eq!(inspector.answer(&Method::GET, "/nowhere").await.0, 404);
        assert_eq!(inspector.answer(&Method::POST, "/functions").await.0, 405);
        assert_eq!(inspector.answer(&Method::DELETE, "/schedules/fn").await.0, 405);
        assert_eq!(inspector.answer(&Method::POST, "/schedules/fn").await.0, 404);
        assert_eq!(inspector.answer(&Method::GET, "").await.0, 200);
        assert!(inspector.mail(&Request::new(()), "/mails").is_none());
    }

    #[tokio::test]
    async fn queues_show_their_counts_and_dead_letters() {
        let inspector = inspector();
        let jobs = inspector.queues.get("Jobs").unwrap();
        for body in ["poison", "fresh"] {
            jobs.send(crate::aws::sqs::Draft { body: body.to_owned(), ..Default::default() }).unwrap();
        }
        let receive = async |max| jobs.receive(max, std::time::Duration::ZERO, Some(tokio::time::Instant::now())).await;
        receive(1).await.unwrap();
        // The first one has been received as often as it may.
        receive(1).await.unwrap();
        let (_, body) = inspector.answer(&Method::GET, "/queues/").await;
        let [dead, jobs] = body.as_array().unwrap().as_slice() else { panic!("there are two queues") };
        assert_eq!(jobs["url"], "http://127.0.0.1:4566/000000000000/Jobs");
        assert_eq!(jobs["dead_letter_queue"], "Dead");
        assert_eq!(jobs["messages"], json!({"visible": 1, "in_flight": 0, "delayed": 0}));
        assert_eq!(dead["dead_letters"][0]["body"], "poison");
        assert_eq!(dead["dead_letters"][0]["receive_count"], 1);
    }
}
