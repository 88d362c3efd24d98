//! SQS: standard queues in memory.
//!
//! An engine of our own. `winterbaume-sqs` passes the same behaviour, but brings aws-lc beside ring, `aws-config` and
//! some twenty more crates, keeps the system's time, where tests need to pass an hour at once, and has neither binary
//! attributes nor a size limit. What is missing here (FIFO queues, permissions, tags, moving dead letters back) is
//! refused by name.
//!
//! Nothing is kept when the local cloud ends: work that a queue only announces is announced again.

mod batch;
mod error;
mod message;
mod operations;
mod queue;
mod receipt;
mod receive;
mod shelf;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::front::{Answer, AwsService, Body, WholeRequest};
use crate::template::{ACCOUNT, Queue as Settings};

pub(crate) use error::SqsError;
pub(crate) use message::{AttributeValue, Attributes};
pub(crate) use queue::{Draft, Queue};
pub(crate) use receive::system_attributes;
pub(crate) use shelf::Received;

/// The largest request: a batch of 1 MiB, every byte of it escaped.
const REQUEST_LIMIT: usize = 8 * 1024 * 1024;

/// The queues of the template.
#[derive(Debug)]
pub(crate) struct Queues {
    /// Where the services answer.
    aws_url: String,
    queues: BTreeMap<String, Arc<Queue>>,
}

impl Queues {
    pub(crate) fn new(aws_url: &str, settings: &[Settings]) -> Arc<Self> {
        let queues: BTreeMap<String, Arc<Queue>> =
            settings.iter().map(|settings| (settings.name().to_owned(), Queue::new(settings.clone()))).collect();
        for queue in queues.values() {
            if let Some(redrive) = queue.settings().redrive()
                && let Some(target) = queues.get(redrive.dead_letter_queue())
            {
                queue.redrive_to(target, redrive.max_receive_count());
            }
        }
        Arc::new(Self { aws_url: aws_url.to_owned(), queues })
    }

    /// Every queue, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Queue>> {
        self.queues.values()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Queue>> {
        self.queues.get(name)
    }

    /// The URL of the queue `name`.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.aws_url)
    }

    /// The queue that a URL means. Only its path counts: the host may be any name of this machine.
    fn at(&self, url: &str) -> Result<&Arc<Queue>, SqsError> {
        let path = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        match path.trim_start_matches('/').split_once('/') {
            Some((account, name)) if account == ACCOUNT => self.get(name).ok_or_else(SqsError::no_such_queue),
            Some(_) => Err(SqsError::no_such_queue()),
            None => Err(SqsError::new("InvalidAddress", format!("The address {url} is not valid for this endpoint."))),
        }
    }
}

/// The service, as the front sees it.
pub(crate) struct Sqs {
    queues: Arc<Queues>,
}

impl Sqs {
    pub(crate) fn new(queues: Arc<Queues>) -> Self {
        Self { queues }
    }
}

impl AwsService for Sqs {
    fn name(&self) -> &'static str {
        "sqs"
    }

    fn call(&self, request: WholeRequest) -> Answer {
        let queues = Arc::clone(&self.queues);
        Box::pin(async move {
            match answer(&queues, request).await {
                Ok(body) => success(body),
                Err(error) => error.response(),
            }
        })
    }
}

async fn answer(queues: &Queues, request: WholeRequest) -> Result<Bytes, SqsError> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(operation) = target.strip_prefix("AmazonSQS.").map(str::to_owned) else {
        let message = "the local cloud speaks SQS's JSON protocol: X-Amz-Target must be AmazonSQS.<operation>";
        return Err(SqsError::new("UnsupportedOperation", message));
    };
    // Clients of old send to the queue's own address, and may leave it out of the body.
    let path = request.uri().path().to_owned();
    let body = match Limited::new(request.into_body(), REQUEST_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(SqsError::parameter("The request is too large."));
        }
        Err(_) => return Err(SqsError::new("SerializationException", "The request's body is incomplete.")),
    };
    operations::run(queues, &operation, &path, &body).await
}

fn success(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}
