//! SES, version 2, as far as `SendEmail`: what it accepts is captured instead of sent.
//!
//! Written out here because it is one request of JSON. `winterbaume-sesv2` keeps the plain text alone, of the
//! recipients only their addresses, refuses nothing of what SES does, and links 14,000 lines of other operations.

mod address;
mod events;
mod head;
mod headers;
mod identity;
mod message;
mod request;
mod send;
mod simulator;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Response, StatusCode, header};
use serde_json::json;

use super::front::{Answer, AwsService, Body, WholeRequest, error};
use crate::ambient;
use crate::mail::Mailbox;
use crate::template::MailSettings;
use crate::topics::Topics;
use message::SIZE_LIMIT;
use request::Refusal;
use send::Sending;

const PATH: &str = "/v2/email/outbound-emails";

/// The largest request that is read: a message in Base64, and what is around it.
const REQUEST_LIMIT: usize = SIZE_LIMIT / 3 * 4 + 10 * 1024 * 1024;

/// The service, as the front sees it.
pub(crate) struct Ses {
    sending: Arc<Sending>,
}

impl Ses {
    /// Captures in `mailbox`, and tells `topics` what became of the mails.
    pub(crate) fn new(settings: MailSettings, mailbox: Mailbox, topics: Topics) -> Self {
        Self { sending: Arc::new(Sending { settings, mailbox, topics }) }
    }
}

impl AwsService for Ses {
    fn name(&self) -> &'static str {
        "ses"
    }

    fn call(&self, request: WholeRequest) -> Answer {
        let sending = Arc::clone(&self.sending);
        Box::pin(async move {
            if request.method() != Method::POST || request.uri().path() != PATH {
                let message = format!("of SES, the local cloud provides SendEmail alone (POST {PATH})");
                return error(StatusCode::NOT_IMPLEMENTED, "UnknownOperationException", &message);
            }
            match Limited::new(request.into_body(), REQUEST_LIMIT).collect().await {
                Ok(body) => answer(&sending, &body.to_bytes()),
                Err(_) => {
                    error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", "the request is too large")
                }
            }
        })
    }
}

fn answer(sending: &Sending, body: &Bytes) -> Response<Body> {
    let request = serde_json::from_slice(body).map_err(|error| {
        Refusal::bad_request(format!("the local cloud cannot read this request of SendEmail: {error}"))
    });
    match request.and_then(|request| sending.send(request, ambient::now())) {
        Ok(id) => accepted(&id),
        Err(refusal) => error(refusal.status, refusal.code, &refusal.message),
    }
}

fn accepted(id: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(json!({ "MessageId": id }).to_string()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
