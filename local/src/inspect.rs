//! `/_local`: a look into the local cloud, for people and tests.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderMap, ORIGIN};
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
    pub(crate) async fn answer(&self, method: &Method, headers: &HeaderMap, path: &str) -> (StatusCode, Value) {
        let path = path.trim_end_matches('/');
        if method == Method::GET {
            return self.page(path);
        }
        match path.strip_prefix("/schedules/").filter(|_| method == Method::POST) {
            Some(_) if !is_of_this_machine(headers) => {
                let message = "only this machine may do that, and no web page of another origin";
                (StatusCode::FORBIDDEN, json!({ "message": message }))
            }
            Some(name) => self.run_schedule(name).await,
            None => {
                let message = "this can only be looked at: GET";
                (StatusCode::METHOD_NOT_ALLOWED, json!({ "message": message }))
            }
        }
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
        let holds_dead_letters = self
            .queues
            .iter()
            .any(|other| other.settings().redrive().is_some_and(|redrive| redrive.dead_letter_queue() == name));
        if let (true, Some(fields)) = (holds_dead_letters, view.as_object_mut()) {
            let letters = queue.contents().into_iter().map(|(message, receives)| {
                json!({
                    "id": message.id,
                    "body": message.body,
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

/// Whether a request that changes something comes from this machine and not from a foreign web page: a browser says where
/// a page is from, and calls us by the name that it knows us by.
fn is_of_this_machine(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default());
    let host = text(HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let own = text(ORIGIN).is_none_or(|origin| origin.strip_prefix("http://") == Some(host));
    own && matches!(name, "127.0.0.1" | "localhost" | "[::1]")
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

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (hyper::header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[tokio::test]
    async fn other_pages_do_not_exist() {
        let inspector = inspector();
        let none = HeaderMap::new();
        assert_eq!(inspector.answer(&Method::GET, &none, "/nowhere").await.0, 404);
        assert_eq!(inspector.answer(&Method::POST, &none, "/functions").await.0, 405);
        assert_eq!(inspector.answer(&Method::DELETE, &none, "/schedules/fn").await.0, 405);
        assert_eq!(inspector.answer(&Method::GET, &none, "").await.0, 200);
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
        let (_, body) = inspector.answer(&Method::GET, &HeaderMap::new(), "/queues/").await;
        let [dead, jobs] = body.as_array().unwrap().as_slice() else { panic!("there are two queues") };
        assert_eq!(jobs["url"], "http://127.0.0.1:4566/000000000000/Jobs");
        assert_eq!(jobs["dead_letter_queue"], "Dead");
        assert_eq!(jobs["messages"], json!({"visible": 1, "in_flight": 0, "delayed": 0}));
        assert_eq!(dead["dead_letters"][0]["body"], "poison");
        assert_eq!(dead["dead_letters"][0]["receive_count"], 1);
    }

    #[tokio::test]
    async fn foreign_web_pages_cannot_make_anything_run() {
        let inspector = inspector();
        for (list, status) in [
            (&[("host", "127.0.0.1:8000")][..], 404),
            (&[("host", "localhost:8000"), ("origin", "http://localhost:8000")], 404),
            (&[("host", "localhost:8000"), ("origin", "http://localhost:3000")], 403),
            (&[("host", "localhost:8000"), ("origin", "https://example.com")], 403),
            (&[("host", "localhost:8000"), ("origin", "null")], 403),
            // A foreign name that was made to lead here.
            (&[("host", "example.com:8000"), ("origin", "http://example.com:8000")], 403),
            (&[], 403),
        ] {
            let (answered, _) = inspector.answer(&Method::POST, &headers(list), "/schedules/fn").await;
            assert_eq!(answered, status, "{list:?}");
        }
    }
}
