//! SQS's errors, by the names that clients look for.

use hyper::header::HeaderValue;
use hyper::{Response, StatusCode};

use crate::aws::front::{self, Body};

/// Why SQS refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct SqsError {
    /// The name in the service's model.
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl SqsError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A parameter is out of its range.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// A parameter is not there.
    pub(super) fn missing(name: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {name}."))
    }

    pub(super) fn no_such_queue() -> Self {
        Self::new("QueueDoesNotExist", "The specified queue does not exist.")
    }

    pub(super) fn receipt_handle() -> Self {
        Self::new("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    }

    /// The code from before SQS spoke JSON, which clients still tell errors apart by.
    pub(super) fn query_code(&self) -> String {
        match self.code {
            "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
            code @ ("BatchEntryIdsNotDistinct"
            | "BatchRequestTooLong"
            | "EmptyBatchRequest"
            | "InvalidBatchEntryId"
            | "MessageNotInflight"
            | "TooManyEntriesInBatchRequest"
            | "UnsupportedOperation") => format!("AWS.SimpleQueueService.{code}"),
            code => code.to_owned(),
        }
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut response = front::error(StatusCode::BAD_REQUEST, self.code, &self.message);
        if let Ok(value) = HeaderValue::from_str(&format!("{};Sender", self.query_code())) {
            response.headers_mut().insert("x-amzn-query-error", value);
        }
        response
    }
}
