//! The HTTP gateway: API Gateway's HTTP API on one port.

mod event;
mod guard;
mod response;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;

use crate::ambient;
use crate::console::Console;
use crate::functions::{Failure, FailureKind, PAYLOAD_LIMIT, Pool};
use crate::identifiers;
use crate::inspect::Inspector;
use crate::invocations::Record;
use crate::server;
use crate::template::{Route, Routes};
use event::{Circumstances, Host};
use response::{Answer, message};

/// API Gateway's limits.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const BODY_LIMIT: usize = 10 * 1024 * 1024;
const HEADER_LIMIT: usize = 10 * 1024;
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of a body that is too large is read before it is refused, so that the client gets to read the answer.
const DRAIN_LIMIT: usize = 10 * BODY_LIMIT;

/// The gateway in front of the functions.
pub(crate) struct Gateway {
    routes: Routes,
    functions: HashMap<String, Arc<Pool>>,
    inspector: Arc<Inspector>,
    console: Console,
    port: u16,
}

impl Gateway {
    pub(crate) fn new(
        routes: Routes,
        functions: HashMap<String, Arc<Pool>>,
        inspector: Arc<Inspector>,
        console: Console,
        port: u16,
    ) -> Self {
        Self { routes, functions, inspector, console, port }
    }

    /// Serves until the future is dropped.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let gateway = Arc::new(self);
        server::serve(listener, move |request, peer| Arc::clone(&gateway).handle(request, peer)).await;
    }

    async fn handle(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        if let Some(rest) = request.uri().path().strip_prefix("/_local").filter(|rest| is_below(rest)) {
            if let Some(why) = guard::refusal(&request) {
                return message(StatusCode::FORBIDDEN, why);
            }
            if let Some(answer) = self.inspector.mail(&request, rest) {
                return answer;
            }
            let (status, body) = self.inspector.answer(request.method(), rest).await;
            return response::json(status, &body);
        }
        let request_id = identifiers::gateway_request();
        let mut answer = self.answer(request, peer, &request_id).await;
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            answer.headers_mut().insert("apigw-requestid", value);
        }
        answer
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr, request_id: &str) -> Answer {
        let (parts, body) = request.into_parts();
        if head_size(&parts) > HEADER_LIMIT {
            return message(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large");
        }
        let Some(host) = Host::of(&parts.headers).filter(|_| parts.uri.path().starts_with('/')) else {
            return message(StatusCode::BAD_REQUEST, "Bad Request");
        };
        let target = self.routes.find(parts.method.as_str(), parts.uri.path());
        let Some((route, pool)) = target.and_then(|route| Some((route, self.functions.get(route.function())?))) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let body = match read(body).await {
            Ok(body) => body,
            Err(status) => return refusal(status),
        };
        let now = ambient::now();
        let trace_id = trace_id(&parts.headers, now);
        let circumstances = Circumstances {
            route,
            host: &host,
            source_ip: peer.ip(),
            port: self.port,
            request_id,
            trace_id: &trace_id,
            now,
        };
        let event = match event::event(&parts, &body, &circumstances) {
            Ok(event) if event.len() <= PAYLOAD_LIMIT => Bytes::from(event),
            _ => return refusal(StatusCode::PAYLOAD_TOO_LARGE),
        };

        // A task of its own: a client that goes away must not take the record of its invocation along.
        let invocation = Invocation {
            pool: Arc::clone(pool),
            route: describe(&parts, route),
            is_head: parts.method == Method::HEAD,
            request_id: request_id.to_owned(),
            trace_id,
            now,
        };
        let gateway = Arc::clone(&self);
        let running = tokio::spawn(async move { gateway.invoke(invocation, event).await });
        running.await.unwrap_or_else(|_| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
    }

    async fn invoke(&self, invocation: Invocation, event: Bytes) -> Answer {
        let Invocation { pool, route, is_head, request_id, trace_id, now } = invocation;
        let began = Instant::now();
        let mut ticket = pool.invoke(identifiers::unique(), trace_id, event);
        let (answer, cold) = match tokio::time::timeout(INTEGRATION_TIMEOUT, ticket.finished()).await {
            Ok(finished) => {
                let answer = match finished.result {
                    Ok(answer) => response::response(&answer, is_head)
                        .map_err(|what| Failure { kind: FailureKind::Reported(what), log: None }),
                    Err(failure) => Err(failure),
                };
                (answer.unwrap_or_else(|failure| self.failed(&pool, &failure)), finished.cold)
            }
            Err(_) if pool.withdraw(&ticket) => {
                pool.count_error("no sandbox became free".to_owned());
                (message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"), false)
            }
            // The function goes on: its own timeout may be longer than the gateway's.
            Err(_) => {
                let failure = Failure { kind: FailureKind::TimedOut(INTEGRATION_TIMEOUT), log: None };
                (self.failed(&pool, &failure), false)
            }
        };
        self.inspector.invocations.record(Record {
            time: now,
            function: pool.config().name.clone(),
            request_id,
            route,
            status: answer.status().as_u16(),
            duration: began.elapsed(),
            cold,
        });
        answer
    }

    /// The answer for an invocation without one. Unlike API Gateway's it says what happened.
    fn failed(&self, pool: &Pool, failure: &Failure) -> Answer {
        let function = pool.config().name.as_str();
        let what = failure.kind.to_string();
        if failure.kind != FailureKind::Stopped {
            self.console.function(function, &format!("! {what}"));
        }
        pool.count_error(what.clone());
        let (status, message) = match failure.kind {
            FailureKind::TimedOut(_) => (StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out"),
            FailureKind::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            _ => (StatusCode::BAD_GATEWAY, "Internal Server Error"),
        };
        let mut body = json!({"message": message, "function": function, "error": what});
        if let (Some(log), Some(fields)) = (&failure.log, body.as_object_mut()) {
            fields.insert("log".to_owned(), log.as_str().into());
        }
        response::json(status, &body)
    }
}

/// What is known about an invocation before it begins.
struct Invocation {
    pool: Arc<Pool>,
    route: String,
    is_head: bool,
    request_id: String,
    trace_id: String,
    now: Timestamp,
}

/// For the record: the request, and the route where that says more.
fn describe(request: &hyper::http::request::Parts, route: &Route) -> String {
    format!("{} {} ({})", request.method, request.uri.path(), route.key())
}

fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// The size of a request's line and headers, as API Gateway counts it.
fn head_size(parts: &hyper::http::request::Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let headers = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    parts.method.as_str().len() + target + headers.sum::<usize>()
}

/// The client's trace, if it takes part in one, else a new one.
fn trace_id(headers: &HeaderMap, now: Timestamp) -> String {
    let sent = headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok());
    match sent.filter(|value| value.contains("Root=1-")) {
        Some(sent) => sent.to_owned(),
        None => identifiers::trace(now.as_second()),
    }
}

/// Reads a whole body, or says with which status it is refused.
async fn read(mut body: Incoming) -> Result<Bytes, StatusCode> {
    let mut read = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > DRAIN_LIMIT {
            break;
        }
        if length <= BODY_LIMIT {
            read.extend_from_slice(&data);
        }
    }
    if length > BODY_LIMIT { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(read.freeze()) }
}

fn refusal(status: StatusCode) -> Answer {
    let text = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        _ => "Bad Request",
    };
    message(status, text)
}
