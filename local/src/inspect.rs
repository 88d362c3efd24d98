//! `/_local`: a look into the local cloud, for people and tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::functions::{Pool, PoolView};
use crate::mail::{self, Mailbox};

/// How many invocations are remembered.
const KEPT_INVOCATIONS: usize = 100;

/// What `/_local` can show.
#[derive(Debug)]
pub(crate) struct Inspector {
    functions: Vec<Arc<Pool>>,
    aws_url: String,
    mailbox: Mailbox,
    invocations: Mutex<VecDeque<Record>>,
}

/// An invocation that ended.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) time: Timestamp,
    pub(crate) function: String,
    /// The gateway's id, which the client got as `apigw-requestid`.
    pub(crate) request_id: String,
    pub(crate) route: String,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
    pub(crate) cold: bool,
}

impl Inspector {
    pub(crate) fn new(functions: Vec<Arc<Pool>>, aws_url: String, mailbox: Mailbox) -> Self {
        Self { functions, aws_url, mailbox, invocations: Mutex::default() }
    }

    /// The answer to a request for `/_local/mail` or below, if `path`, which is behind `/_local`, is that.
    pub(crate) fn mail<B>(&self, request: &Request<B>, path: &str) -> Option<Response<Full<Bytes>>> {
        let below = path.strip_prefix("/mail").filter(|below| below.is_empty() || below.starts_with('/'))?;
        Some(mail::answer(&self.mailbox, request.method(), request.uri(), request.headers(), below))
    }

    pub(crate) fn record(&self, record: Record) {
        let mut invocations = self.invocations.lock().unwrap_or_else(PoisonError::into_inner);
        if invocations.len() == KEPT_INVOCATIONS {
            invocations.pop_front();
        }
        invocations.push_back(record);
    }

    /// The answer to a request for `/_local` and the `path` behind it.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> (StatusCode, Value) {
        if method != Method::GET {
            return (StatusCode::METHOD_NOT_ALLOWED, json!({"message": "the local cloud can only be looked at: GET"}));
        }
        let body = match path.trim_end_matches('/') {
            "" => json!({
                "aws": self.aws_url,
                "pages": {
                    "/_local/functions": "functions, their sandboxes, cold starts and errors",
                    "/_local/mail": "mail that was sent; DELETE forgets it",
                    "/_local/mail/templates": "the mails that can be sent, with made-up contents",
                    "/_local/invocations": format!("the last {KEPT_INVOCATIONS} invocations, the latest first"),
                },
            }),
            "/functions" => {
                let views: Vec<PoolView> = self.functions.iter().map(|pool| pool.view()).collect();
                json!(views)
            }
            "/invocations" => self.recorded(),
            other => {
                let message = format!("there is no /_local{other} in this local cloud; see /_local/");
                return (StatusCode::NOT_FOUND, json!({ "message": message }));
            }
        };
        (StatusCode::OK, body)
    }

    fn recorded(&self) -> Value {
        let invocations = self.invocations.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = invocations.iter().rev().map(|record| {
            json!({
                "time": record.time.to_string(),
                "function": record.function,
                "request_id": record.request_id,
                "route": record.route,
                "status": record.status,
                "duration_ms": (record.duration.as_secs_f64() * 1e6).round() / 1e3,
                "cold": record.cold,
            })
        });
        Value::Array(entries.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_invocations_are_shown_latest_first() {
        let inspector = Inspector::new(Vec::new(), "http://127.0.0.1:4566".to_owned(), Mailbox::new());
        for number in 0..KEPT_INVOCATIONS + 5 {
            inspector.record(Record {
                time: Timestamp::UNIX_EPOCH,
                function: "items".to_owned(),
                request_id: number.to_string(),
                route: "GET /".to_owned(),
                status: 200,
                duration: Duration::from_micros(1500),
                cold: false,
            });
        }
        let (status, body) = inspector.answer(&Method::GET, "/invocations/");
        assert_eq!(status, 200);
        assert_eq!(body.as_array().unwrap().len(), KEPT_INVOCATIONS);
        assert_eq!(body[0]["request_id"], "104");
        assert_eq!(body[0]["duration_ms"], 1.5);
    }

    #[test]
    fn other_pages_do_not_exist() {
        let inspector = Inspector::new(Vec::new(), String::new(), Mailbox::new());
        assert_eq!(inspector.answer(&Method::GET, "/mails").0, 404);
        assert_eq!(inspector.answer(&Method::POST, "/functions").0, 405);
        assert_eq!(inspector.answer(&Method::GET, "").0, 200);
        assert!(inspector.mail(&Request::new(()), "/mails").is_none());
    }
}
