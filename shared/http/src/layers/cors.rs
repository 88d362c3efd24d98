//! Which web pages of other origins may read answers (CORS), in the words of Starlette's `CORSMiddleware`.
//!
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>

use std::str::FromStr;

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;

/// What a page may ask for: all methods that FastAPI knows, in its order.
const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY";
/// What a page may read beside the few fields that every page may.
const EXPOSED: &str = "ETag, Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, \
                       WWW-Authenticate, X-Process-Time, X-Request-ID";
/// How long a browser keeps the answer to a preflight request, in seconds.
const MAX_AGE: &str = "600";
const PREFLIGHT_VARY: &str =
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network";
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");

/// The origins whose pages may read answers. None by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cors {
    origins: Vec<String>,
    any: bool,
}

/// The setting names no origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin is `https://` or `http://` and a host, without a path")]
pub(crate) struct OriginsError;

impl FromStr for Cors {
    type Err = OriginsError;

    /// Reads origins that are separated by spaces or commas. `*` is any origin, which then gets no credentials.
    fn from_str(list: &str) -> Result<Self, OriginsError> {
        let origins = list.split([' ', ',']).filter(|origin| !origin.is_empty()).map(ToOwned::to_owned);
        let (any, origins): (Vec<_>, Vec<_>) = origins.partition(|origin| origin == "*");
        let is_origin = |origin: &String| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            host.is_some_and(|host| !host.is_empty() && !host.contains('/'))
        };
        if origins.iter().all(is_origin) { Ok(Self { origins, any: !any.is_empty() }) } else { Err(OriginsError) }
    }
}

impl Cors {
    fn is_off(&self) -> bool {
        self.origins.is_empty() && !self.any
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.any || self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    }

    /// The answer to a browser that asks whether it may send a request; `None` if it does not ask that.
    pub(crate) fn preflight(&self, request: &Request<Body>) -> Option<Response> {
        let headers = request.headers();
        if self.is_off() || request.method() != Method::OPTIONS {
            return None;
        }
        let (origin, method) = (headers.get(ORIGIN)?, headers.get(ACCESS_CONTROL_REQUEST_METHOD)?);
        let known_method = METHODS.split(", ").any(|known| known.as_bytes() == method.as_bytes());
        let refused: Vec<_> = [
            ("origin", !self.allows(origin)),
            ("method", !known_method),
            ("private-network", headers.contains_key(REQUEST_PRIVATE_NETWORK)),
        ]
        .into_iter()
        .filter_map(|(what, is_refused)| is_refused.then_some(what))
        .collect();

        let (status, text) = if refused.is_empty() {
            (StatusCode::OK, "OK".to_owned())
        } else {
            (StatusCode::BAD_REQUEST, format!("Disallowed CORS {}", refused.join(", ")))
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let answer = response.headers_mut();
        answer.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        answer.insert(VARY, HeaderValue::from_static(PREFLIGHT_VARY));
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        if let Some(requested) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
        }
        self.allow(origin, answer);
        Some(response)
    }

    /// Says in an answer whether the page at `origin` may read it. The answer to a preflight request says so already.
    pub(crate) fn mark(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        if self.is_off() || answer.contains_key(ACCESS_CONTROL_ALLOW_METHODS) {
            return;
        }
        // A cache must not give one origin what was meant for another, nor for none.
        answer.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
            self.allow(origin, answer);
        }
    }

    fn allow(&self, origin: &HeaderValue, answer: &mut HeaderMap) {
        if self.any {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return;
        }
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if self.allows(origin) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
}
