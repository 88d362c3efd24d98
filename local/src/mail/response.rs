//! Answers that show mail and let it do nothing.

use askama::Template;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// What a page may do: show itself, and in a frame a mail of this origin.
pub(super) const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; \
                                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a mail's HTML may do, also in a tab of its own: no scripts, no forms, no origin, and nothing from elsewhere,
/// which would tell a stranger that the mail was looked at.
pub(super) const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                                      form-action 'none'; frame-ancestors 'self'; \
                                      sandbox allow-popups allow-popups-to-escape-sandbox";

/// A complete response.
pub(super) type Answer = Response<Full<Bytes>>;

pub(super) fn page(page: &impl Template) -> Answer {
    match page.render() {
        Ok(text) => respond(StatusCode::OK, "text/html; charset=utf-8", PAGE_POLICY, text),
        Err(error) => message(StatusCode::INTERNAL_SERVER_ERROR, &format!("the page could not be rendered: {error}")),
    }
}

/// A mail's HTML as it was sent.
pub(super) fn mail_html(text: String) -> Answer {
    respond(StatusCode::OK, "text/html; charset=utf-8", MAIL_POLICY, text)
}

pub(super) fn message(status: StatusCode, message: &str) -> Answer {
    json(status, &json!({ "message": message }))
}

pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    respond(status, "application/json", PAGE_POLICY, body.to_string())
}

fn respond(status: StatusCode, content_type: &'static str, policy: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (VARY, "Accept"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
