//! Addresses on their way from the gateway to the router.

use axum::body::Body;
use axum::http::header::HOST;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Request, Uri};
use lambda_http::RequestExt as _;
use lambda_http::request::LambdaRequest;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

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
        let is_host = |host: &HeaderValue| host.to_str().is_ok_and(names_host);
        if !request.headers.get(HOST).is_none_or(is_host) {
            request.headers.remove(HOST);
        }
        if !request.headers.get("x-forwarded-proto").is_none_or(|scheme| scheme == "https" || scheme == "http") {
            request.headers.remove("x-forwarded-proto");
        }
    }
    event
}

/// Whether a text names a host, perhaps with a port, and nothing else. `evil.example/.example.com` ends like a name
/// below `example.com`, and leads elsewhere where it stands in a link.
pub(crate) fn names_host(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    is_plain && Url::parse(&format!("https://{text}/")).is_ok()
}

/// The address that is routed by: the path as the gateway saw it, encoded again, without a slash at its end.
///
/// The gateway decodes the path before it hands it on, and `lambda_http` takes what it gets for a URL, so a `?` or `#`
/// that was encoded would cut the path short, and `..` would climb.
pub(crate) fn routed(request: &Request<Body>) -> Uri {
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
