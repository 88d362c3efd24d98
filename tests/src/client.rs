//! Calls to a router, and their answers.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::gateway::Gateway;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user's id.
    pub id: String,
    /// The username.
    pub username: String,
    /// The email.
    pub email: String,
    /// The access token.
    pub token: String,
}

/// A call that is being put together.
#[must_use]
pub struct Call {
    gateway: Gateway,
    request: Request<Body>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body; `null` if there is none, or if it is no JSON.
    pub body: Value,
    /// The body as it was sent; empty if it is not text.
    pub raw: String,
    /// The body's bytes.
    pub bytes: Bytes,
}

impl Call {
    pub(crate) fn new(gateway: Gateway, method: &str, path: &str) -> Self {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
        Self { gateway, request }
    }

    /// Sets a header field.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        self.request.headers_mut().insert(HeaderName::from_static(name), value);
        self
    }

    /// Calls as a browser that opens a page.
    pub fn as_browser(self) -> Self {
        self.header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    }

    /// Calls with a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Calls as somebody.
    pub fn by(self, account: &Account) -> Self {
        self.bearer(&account.token)
    }

    /// Sends JSON.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sends a form.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&"))
    }

    /// Sends bytes without saying what they are.
    pub fn untyped_body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    /// Sends bytes of any kind.
    pub fn body(self, content_type: &str, body: impl Into<Body>) -> Self {
        self.untyped_body(body).header("content-type", content_type)
    }

    /// Sends the call.
    pub async fn send(self) -> Answer {
        Answer::to(&self.gateway, self.request).await
    }
}

impl Answer {
    pub(crate) async fn to(gateway: &Gateway, request: Request<Body>) -> Self {
        let is_head = request.method() == Method::HEAD;
        let response = gateway.answer(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let raw = String::from_utf8_lossy(&bytes).into_owned();
        let content_type = parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_json = content_type.ends_with("json") && !parts.headers.contains_key("content-encoding");
        let body = if is_json && !raw.is_empty() { serde_json::from_str(&raw).expect("JSON") } else { Value::Null };
        let length = parts.headers.get("content-length").and_then(|value| value.to_str().ok());
        assert!(
            is_head || length.is_none_or(|length| length == bytes.len().to_string()),
            "an answer with a wrong length"
        );
        assert!(parts.headers.contains_key("x-request-id"), "an answer without a request id");
        assert!(parts.headers.contains_key("x-process-time"), "an answer without its process time");
        Self { status: parts.status.as_u16(), headers: parts.headers, body, raw, bytes }
    }

    /// The text at a JSON pointer.
    pub fn text(&self, pointer: &str) -> String {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer} in {self:?}"))
            .to_owned()
    }

    /// The status of an error, and the sentence that it says.
    pub fn said(&self) -> (u16, String) {
        (self.status, self.text("/detail"))
    }

    /// A header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where the next page is, from the `Link` header.
    pub fn next(&self) -> Option<String> {
        let link = self.header("link")?;
        link.strip_prefix('<')?.split_once(">; rel=\"next\"").map(|(address, _)| address.to_owned())
    }

    /// Type and location of every fault, as `type at.location`.
    pub fn faults(&self) -> Vec<String> {
        let faults = self.body["detail"].as_array().cloned().unwrap_or_default();
        let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let describe = |fault: &Value| {
            let place: Vec<_> = fault["loc"].as_array().into_iter().flatten().map(word).collect();
            format!("{} {}", word(&fault["type"]), place.join("."))
        };
        faults.iter().map(describe).collect()
    }

    /// The ids of the listed resources.
    pub fn ids(&self) -> Vec<String> {
        self.body
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| entry["id"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}
