//! One log line per request.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::{Method, Request};
use axum::response::Response;

use crate::error::Cause;
use crate::layers::exchange::Exchange;

/// What a request's line says of the request itself. The query is left out: it may hold what nobody should read. So are
/// segments of the path that look like email addresses.
pub(crate) struct RequestLine {
    method: Method,
    path: String,
}

impl RequestLine {
    pub(crate) fn of(request: &Request<Body>) -> Self {
        Self { method: request.method().clone(), path: without_addresses(request.uri().path()) }
    }

    /// Writes the line; that of a 5xx with its cause, as an error. The request's id is in the span around it.
    pub(crate) fn write(&self, response: &Response, exchange: &Exchange, elapsed: Duration) {
        let (method, path) = (self.method.as_str(), self.path.as_str());
        let status = response.status().as_u16();
        let milliseconds = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
        let bytes = response.body().size_hint().exact();
        let user_id = exchange.user_id().map(tracing::field::display);
        match response.extensions().get::<Cause>() {
            Some(Cause(cause)) => {
                tracing::error!(method, path, status, milliseconds, bytes, user_id, error = &**cause, "request");
            }
            None if status >= 500 => tracing::error!(method, path, status, milliseconds, bytes, user_id, "request"),
            None => tracing::info!(method, path, status, milliseconds, bytes, user_id, "request"),
        }
    }
}

/// The path, with `…` in place of what may be somebody's email address.
fn without_addresses(path: &str) -> String {
    let may_be_address = |segment: &str| segment.contains('@') || segment.contains("%40");
    let segments = path.split('/').map(|segment| if may_be_address(segment) { "…" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_logged_without_email_addresses() {
        for (path, logged) in [
            ("/api/v1/suppressions/ann@example.com", "/api/v1/suppressions/…"),
            ("/api/v1/suppressions/ann%40example.com/", "/api/v1/suppressions/…/"),
            ("/api/v1/items/42", "/api/v1/items/42"),
            ("/", "/"),
        ] {
            assert_eq!(without_addresses(path), logged, "{path}");
        }
    }
}
