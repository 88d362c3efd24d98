//! The AWS services of the local cloud, behind one address.

mod access;
mod dynamodb;
mod faults;
mod front;
mod scope;
mod ses;
pub(crate) mod sqs;

use std::net::TcpListener as StdListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::error::StartError;
use crate::mail::{CapturedMail, Mailbox};
use crate::server;
use crate::template::Template;
use crate::topics::Topics;
use access::Access;
use dynamodb::DynamoDb;
use ses::Ses;
use sqs::{Queues, Sqs};

pub use faults::{Faults, Held};

/// Where the services keep their data.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    Memory,
    Folder(PathBuf),
}

/// The AWS services with the template's tables and queues, on a thread of their own. They end when this is dropped.
///
/// The address works for every SDK and for the AWS CLI, with any credentials, for example `AWS_ENDPOINT_URL=<url>
/// AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local`. Who calls with a function's name as access key may do what the
/// function's policies allow; all others may do everything.
#[derive(Debug)]
pub struct EmbeddedAws {
    url: String,
    queues: Arc<Queues>,
    faults: Faults,
    mailbox: Mailbox,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedAws {
    /// Starts the services on a free port, with empty tables and queues that are kept in memory. Does not need a
    /// runtime, nor disturb one.
    pub fn start(template: &Template) -> Result<Self, StartError> {
        let (topics, _) = Topics::new();
        Self::start_with(None, &Storage::Memory, template, &topics)
    }

    /// Starts the services on `listener`, or on a free port. They publish in `topics`.
    pub(crate) fn start_with(
        listener: Option<StdListener>,
        storage: &Storage,
        template: &Template,
        topics: &Topics,
    ) -> Result<Self, StartError> {
        let database = dynamodb::open(storage, template.tables())?;
        let thread_error = |source| StartError::Thread { what: "the AWS services", source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(thread_error)?;
        let guard = runtime.enter();
        let listener = match listener {
            Some(listener) => listener,
            None => server::listen(0).map_err(thread_error)?,
        };
        let url = format!("http://{}", listener.local_addr().map_err(thread_error)?);
        let listener = TcpListener::from_std(listener).map_err(thread_error)?;
        let behind = server::listen(0).and_then(TcpListener::from_std).map_err(thread_error)?;
        let queues = Queues::new(&url, template.queues());
        let faults = Faults::default();
        let mailbox = Mailbox::new();
        let services: Vec<Box<dyn front::AwsService>> = vec![
            Box::new(DynamoDb::at(&behind).map_err(thread_error)?),
            Box::new(Ses::new(template.mail().clone(), mailbox.clone(), topics.clone())),
            Box::new(Sqs::new(Arc::clone(&queues))),
        ];
        let front = front::Front::new(services, Access::new(template.functions()), faults.clone());
        drop(guard);

        let (stop, stopped) = oneshot::channel();
        // SQLite runs on the thread of whoever serves the request, so the services have a thread that nothing else
        // waits for. Front and database share it: a request passes between them without waking another core.
        let thread = std::thread::Builder::new()
            .name("aws".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = front.serve(listener) => {}
                        () = dynamodb::serve(behind, database) => {}
                        _ = stopped => {}
                    }
                });
                // Not waiting for a sweep that may be under way: it ends with its next page.
                runtime.shutdown_background();
            })
            .map_err(thread_error)?;
        Ok(Self { url, queues, faults, mailbox, stop: Some(stop), thread: Some(thread) })
    }

    /// Where the services answer: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What goes wrong with calls, for tests.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The template's queues.
    pub(crate) fn queues(&self) -> &Arc<Queues> {
        &self.queues
    }

    /// The mails that SES accepted, in their order.
    pub fn mail(&self) -> Vec<CapturedMail> {
        self.mailbox.all()
    }

    /// Where these mails are, to wait for them or to forget them.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }
}

impl Drop for EmbeddedAws {
    fn drop(&mut self) {
        // Dropping the sender stops the thread too, but not before this returns; the database is closed here.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::exchange;

    const TEMPLATE: &str = "
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/reader/bootstrap.zip
      Policies: { Statement: { Effect: Allow, Action: dynamodb:GetItem, Resource: !GetAtt Things.Arn } }
";

    fn start() -> EmbeddedAws {
        EmbeddedAws::start(&Template::parse(TEMPLATE, "template.yaml").unwrap()).unwrap()
    }

    fn call(aws: &EmbeddedAws, service: &str, operation: &str, body: &str) -> (String, String) {
        call_as("local", aws, service, operation, body)
    }

    fn call_as(caller: &str, aws: &EmbeddedAws, service: &str, operation: &str, body: &str) -> (String, String) {
        let address = aws.url().strip_prefix("http://").unwrap();
        let head = format!(
            "POST / HTTP/1.1\nHost: {address}\nContent-Type: application/x-amz-json-1.0\nX-Amz-Date: 20261120T170000Z\n\
             X-Amz-Target: DynamoDB_20120810.{operation}\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={caller}/20261120/us-east-1/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature=a"
        );
        exchange(address, &head, body.as_bytes())
    }

    #[test]
    fn tables_of_the_template_can_be_used() {
        let aws = start();
        let (head, _) = call(&aws, "dynamodb", "PutItem", r#"{"TableName": "Things", "Item": {"id": {"S": "1"}}}"#);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let (_, body) = call(&aws, "dynamodb", "GetItem", r#"{"TableName": "Things", "Key": {"id": {"S": "1"}}}"#);
        assert_eq!(body, r#"{"Item":{"id":{"S":"1"}}}"#);
    }

    #[test]
    fn a_function_is_refused_what_its_policies_do_not_allow() {
        let aws = start();
        let (head, _) =
            call_as("reader", &aws, "dynamodb", "GetItem", r#"{"TableName": "Things", "Key": {"id": {"S": "1"}}}"#);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert_eq!(aws.faults().denied(), [""; 0]);
        let put = r#"{"TableName": "Things", "Item": {"id": {"S": "1"}}}"#;
        let (head, body) = call_as("reader", &aws, "dynamodb", "PutItem", put);
        assert!(head.starts_with("HTTP/1.1 400") && body.contains("AccessDeniedException"), "{head} {body}");
        assert!(aws.faults().denied()[0].contains("dynamodb:PutItem"), "{:?}", aws.faults().denied());
        let (_, body) = call(&aws, "dynamodb", "GetItem", r#"{"TableName": "Things", "Key": {"id": {"S": "1"}}}"#);
        assert_eq!(body, "{}", "nothing was written");
    }

    #[test]
    fn several_have_nothing_in_common() {
        let (one, other) = (start(), start());
        call(&one, "dynamodb", "PutItem", r#"{"TableName": "Things", "Item": {"id": {"S": "1"}}}"#);
        let (_, body) = call(&other, "dynamodb", "GetItem", r#"{"TableName": "Things", "Key": {"id": {"S": "1"}}}"#);
        assert_eq!(body, "{}");
    }

    #[test]
    fn other_services_say_that_they_are_missing() {
        let (head, body) = call(&start(), "s3", "ListBuckets", "");
        assert!(head.starts_with("HTTP/1.1 501"), "{head}");
        assert!(body.contains(r#"service \"s3\" is not part of this local cloud yet"#), "{body}");
    }
}
