//! From a router to a Lambda function: the layers that every answer passes, and Lambda's events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, LambdaEvent, RequestExt as _, lambda_runtime};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate as _, SizeAbove};
use tracing::Instrument as _;

use crate::edge::Edge;
use crate::encoding::Encoding;
use crate::error::ApiError;
use crate::layers::caching::Cached;
use crate::layers::exchange::{Exchange, gateway};
use crate::layers::log::RequestLine;
use crate::layers::{address, deadline, problem, rate, security};
use crate::web_page;

pub use crate::layers::address::convertible;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");
/// Smallest answer that is compressed, in bytes. Below, the work costs more than the transport.
const COMPRESSED_FROM: u64 = 1024;

/// Runs a router as this process's Lambda function, until Lambda ends the process.
///
/// # Errors
/// When Lambda's runtime API is out of reach.
pub async fn run(router: Router, edge: Edge) -> Result<(), lambda_http::Error> {
    let service = Service::new(router, edge);
    let adapter = Adapter::from(service_fn(move |request: lambda_http::Request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.answer(request.map(body_of)).await) }
    }));
    lambda_runtime::run(
        adapter.map_request(|event: LambdaEvent<LambdaRequest>| {
            LambdaEvent::new(convertible(event.payload), event.context)
        }),
    )
    .await
}

/// A router with everything around it that all functions have in common. Cheap to clone.
///
/// From the outside in: log line, request id and process time; CORS, security header fields, rate limits and caching;
/// compression; the form of errors; host and preflight; the deadline; panics. Body limits are the extractors' business,
/// because they read bodies.
#[derive(Debug, Clone)]
pub struct Service {
    router: Router,
    edge: Arc<Edge>,
}

impl Service {
    /// A router with answers for what it does not route, and for panics.
    pub fn new(router: Router, edge: Edge) -> Self {
        let router = router
            .fallback(|| async { ApiError::NotFound("Not Found") })
            .method_not_allowed_fallback(method_not_allowed)
            .layer(CatchPanicLayer::custom(|_| ApiError::Internal("a handler panicked".into()).into_response()));
        Self { router, edge: Arc::new(edge) }
    }

    /// Answers one request.
    pub async fn answer(&self, mut request: Request<Body>) -> Response {
        let started = Instant::now();
        let request_id = request_id(&request);
        let span = tracing::error_span!("request", request_id = request_id.to_str().unwrap_or_default());
        *request.uri_mut() = address::routed(&request);
        let exchange = Exchange::begin(&request, &self.edge);
        request.extensions_mut().insert(exchange.clone());
        if Encoding::accepted(request.headers()) == Encoding::Identity {
            // The layer would answer 406 to who refuses everything, after the work is done.
            request.headers_mut().remove(ACCEPT_ENCODING);
        }
        let line = RequestLine::of(&request);
        let cached = Cached::of(&request);
        let origin = request.headers().get(ORIGIN).cloned();

        let compression = CompressionLayer::new().compress_when(SizeAbove::new(COMPRESSED_FROM).and(is_text));
        let respond = service_fn(|request| async { Ok::<_, Infallible>(self.respond(request).await) });
        let answered = compression.layer(respond).oneshot(request).instrument(span.clone()).await;
        let mut response = answered.unwrap_or_else(|never| match never {}).map(Body::new);

        cached.mark(&mut response);
        let headers = response.headers_mut();
        if let Some(standing) = exchange.standing() {
            rate::mark(standing, headers);
        }
        security::protect(headers);
        self.edge.cors.mark(origin.as_ref(), headers);
        headers.insert(REQUEST_ID, request_id);
        let elapsed = started.elapsed();
        // Digits and a point are a valid header value.
        if let Ok(seconds) = HeaderValue::try_from(format!("{:.6}", elapsed.as_secs_f64())) {
            headers.insert(PROCESS_TIME, seconds);
        }
        join_repeated(headers);
        span.in_scope(|| line.write(&response, &exchange, elapsed));
        response
    }

    /// The answer as it is before it is compressed and marked.
    async fn respond(&self, request: Request<Body>) -> Response {
        let is_head = request.method() == Method::HEAD;
        let exchange = Exchange::of(request.extensions());
        let as_problem = problem::is_accepted(request.headers());
        let preflight = self.edge.cors.preflight(&request);
        let mut response = match preflight {
            _ if !self.edge.hosts.allow(request.headers(), domain_name(&request)) => {
                ApiError::ForeignHost.into_response()
            }
            Some(response) => response,
            None => deadline::within(deadline::of(&request, &self.edge.clock), self.routed(request)).await,
        };
        if exchange.is_page() {
            web_page::write_error(&mut response);
        }
        problem::write(&mut response, as_problem);
        if is_head {
            *response.body_mut() = Body::empty();
        }
        response
    }

    async fn routed(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}

/// What shrinks: text. Images, archives and the like are compressed already.
fn is_text(_: StatusCode, _: axum::http::Version, headers: &HeaderMap, _: &axum::http::Extensions) -> bool {
    let content_type = headers.get(axum::http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        essence.starts_with("text/") || essence.ends_with("json") || essence.ends_with("javascript")
    })
}

fn body_of(body: lambda_http::Body) -> Body {
    match body {
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        _ => Body::empty(),
    }
}

/// The name by which the gateway knows the API that the request came to.
fn domain_name(request: &Request<Body>) -> Option<&str> {
    gateway(request)?.domain_name.as_deref()
}

/// The id that Lambda's own log lines of this request have, or, outside of Lambda, the client's.
fn request_id(request: &Request<Body>) -> HeaderValue {
    let lambda = request.lambda_context_ref().and_then(|context| HeaderValue::try_from(&context.request_id).ok());
    lambda.or_else(|| request.headers().get(REQUEST_ID).cloned()).unwrap_or(HeaderValue::from_static("-"))
}

/// 405 with the methods that there are, or, for OPTIONS, just the methods.
async fn method_not_allowed(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    ApiError::MethodNotAllowed.into_response()
}

/// Joins the values of repeated fields, because `lambda_http` sends only the first. Cookies can't be joined, and are
/// sent apart.
fn join_repeated(headers: &mut HeaderMap) {
    let repeated: Vec<HeaderName> = headers
        .keys()
        .filter(|name| **name != SET_COOKIE && headers.get_all(*name).iter().count() > 1)
        .cloned()
        .collect();
    for name in repeated {
        let values: Vec<_> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&values.join(&b", "[..])) {
            headers.insert(name, joined);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_fields_are_joined_and_cookies_are_not() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("vary", "Origin"), ("vary", "Accept"), ("set-cookie", "a=1"), ("set-cookie", "b=2")] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers.append("allow", HeaderValue::from_static("GET"));
        join_repeated(&mut headers);
        assert_eq!(headers.get_all("vary").iter().collect::<Vec<_>>(), ["Origin, Accept"]);
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
        assert_eq!(headers.get("allow").unwrap(), "GET");
    }
}
