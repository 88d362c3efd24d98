//! From a router to a Lambda function.

use std::convert::Infallible;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::header::{HOST, SET_COOKIE};
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, LambdaEvent, RequestExt as _, lambda_runtime};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tower::{ServiceExt as _, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");

/// What a path segment can't contain as it is (RFC 3986 section 3.3).
const ENCODED_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What a query can't contain as it is (RFC 3986 section 3.4).
const ENCODED_IN_QUERIES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Runs a router as this process's Lambda function, until Lambda ends the process.
///
/// # Errors
/// When Lambda's runtime API is out of reach.
pub async fn run(router: Router) -> Result<(), lambda_http::Error> {
    let router = complete(router);
    let service = Adapter::from(service_fn(move |request: lambda_http::Request| {
        let router = router.clone();
        async move { Ok::<_, Infallible>(answer(router, request.map(body_of)).await) }
    }));
    lambda_runtime::run(
        service.map_request(|event: LambdaEvent<LambdaRequest>| {
            LambdaEvent::new(convertible(event.payload), event.context)
        }),
    )
    .await
}

/// An event that `lambda_http` can turn into a request. Where a client's path, query or `Host` makes no URL, it would
/// panic, and the client would get an error of the gateway's.
pub fn convertible(mut event: LambdaRequest) -> LambdaRequest {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event {
        if let Some(query) = &mut request.raw_query_string {
            *query = utf8_percent_encode(query, ENCODED_IN_QUERIES).to_string();
        }
        if let Some(path) = request.raw_path.as_mut().filter(|path| !path.starts_with('/')) {
            path.insert(0, '/');
        }
        let names_host = |host: &HeaderValue| Authority::try_from(host.as_bytes()).is_ok();
        if !request.headers.get(HOST).is_none_or(names_host) {
            request.headers.remove(HOST);
        }
        if !request.headers.get("x-forwarded-proto").is_none_or(|scheme| scheme == "https" || scheme == "http") {
            request.headers.remove("x-forwarded-proto");
        }
    }
    event
}

/// A router with answers for what it does not route, and for panics.
pub fn complete(router: Router) -> Router {
    router
        .fallback(|| async { ApiError::NotFound("Not Found") })
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(|_| ApiError::Internal("a handler panicked".into()).into_response()))
}

/// Answers one request with a router that is [`complete`].
pub async fn answer(router: Router, mut request: Request<Body>) -> Response {
    let started = Instant::now();
    let request_id = request_id(&request);
    let span = tracing::error_span!("request", request_id = request_id.to_str().unwrap_or_default());
    *request.uri_mut() = routed_uri(&request);
    let routed = router.oneshot(request).instrument(span).await;
    let mut response = routed.unwrap_or_else(|never| match never {});
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, request_id);
    // Digits and a point are a valid header value.
    if let Ok(seconds) = HeaderValue::try_from(format!("{:.6}", started.elapsed().as_secs_f64())) {
        headers.insert(PROCESS_TIME, seconds);
    }
    join_repeated(headers);
    response
}

fn body_of(body: lambda_http::Body) -> Body {
    match body {
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        _ => Body::empty(),
    }
}

/// The address that is routed by: the path as the gateway saw it, encoded again, without a slash at its end.
///
/// The gateway decodes the path before it hands it on, and `lambda_http` takes what it gets for a URL, so a `?` or `#`
/// that was encoded would cut the path short, and `..` would climb.
fn routed_uri(request: &Request<Body>) -> Uri {
    let decoded = request.extensions().get::<lambda_http::request::RequestContext>().map(|_| request.raw_http_path());
    let path = decoded.map_or_else(
        || request.uri().path().to_owned(),
        |path| utf8_percent_encode(path, ENCODED_IN_PATHS).to_string(),
    );
    let path = match path.strip_suffix('/') {
        Some("") | None => path.as_str(),
        Some(shorter) => shorter,
    };
    let path_and_query = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // What is no URI in spite of the encoding, for instance a path that does not start with a slash, is routed nowhere.
    path_and_query.parse::<PathAndQuery>().map_or_else(|_| Uri::from_static("/not-a-path"), Uri::from)
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

/// Joins the values of repeated fields, because `lambda_http` sends only the first. Cookies can't be joined, and are sent
/// apart.
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
