//! The Lambda Runtime API, as one sandbox sees it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;

use super::pool::Pool;
use super::sandbox::{Delivery, Sandbox};
use super::{FailureKind, PAYLOAD_LIMIT};

const PREFIX: &str = "/2018-06-01/runtime/";

/// Answers one request of the function in `sandbox`.
pub(super) async fn handle(
    request: Request<Incoming>,
    sandbox: Arc<Sandbox>,
    pool: Arc<Pool>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let route: Vec<&str> = path.strip_prefix(PREFIX).map(|rest| rest.split('/').collect()).unwrap_or_default();
    match (request.method(), route.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => event(pool.next(&sandbox).await, pool.arn()),
        (&Method::POST, ["invocation", id, "response"]) => {
            let (result, answer) = match body(request).await {
                Ok(body) => (Ok(body), accepted()),
                Err(BodyError::TooLarge) => (Err(FailureKind::ResponseTooLarge), too_large()),
                // The process is ending in the middle of its answer; whoever waits for that will see how.
                Err(BodyError::Broken) => {
                    return error(StatusCode::BAD_REQUEST, "BrokenBody", "the body is incomplete");
                }
            };
            if sandbox.complete(id, result) { answer } else { unknown_invocation() }
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let failure = FailureKind::Reported(reported(request).await);
            if sandbox.complete(id, Err(failure)) { accepted() } else { unknown_invocation() }
        }
        (&Method::POST, ["init", "error"]) => {
            sandbox.init_failed(reported(request).await);
            accepted()
        }
        _ => error(StatusCode::NOT_FOUND, "NotFound", "not part of the Runtime API"),
    }
}

enum BodyError {
    Broken,
    TooLarge,
}

async fn body(request: Request<Incoming>) -> Result<Bytes, BodyError> {
    match Limited::new(request.into_body(), PAYLOAD_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}

/// What a runtime sends with an error.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Report {
    error_type: String,
    error_message: String,
}

async fn reported(request: Request<Incoming>) -> String {
    let report: Report = match body(request).await {
        Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
        Err(_) => Report::default(),
    };
    // The Rust runtime gives as type the name of a Rust type, which says nothing beside the message.
    [report.error_message, report.error_type]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "the function reported an error".to_owned())
}

fn event(delivery: Delivery, arn: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(delivery.event));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [
        ("lambda-runtime-aws-request-id", delivery.request_id.as_str()),
        ("lambda-runtime-deadline-ms", delivery.deadline_ms.to_string().as_str()),
        ("lambda-runtime-invoked-function-arn", arn),
        ("lambda-runtime-trace-id", delivery.trace_id.as_str()),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn accepted() -> Response<Full<Bytes>> {
    json(StatusCode::ACCEPTED, &serde_json::json!({"status": "OK"}))
}

fn too_large() -> Response<Full<Bytes>> {
    let message = format!("Exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes).");
    error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
}

fn unknown_invocation() -> Response<Full<Bytes>> {
    error(StatusCode::BAD_REQUEST, "InvalidRequestID", "this is not the invocation that is under way")
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    json(status, &serde_json::json!({"errorType": kind, "errorMessage": message}))
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
