//! Small pages for people who follow a link from a mail. Programs get the same as JSON.

use std::sync::LazyLock;

use askama::Template;
use axum::Json;
use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, Said};
use crate::weights::weighted;

const STYLE: &str = include_str!("../templates/web_page.css");

/// What a page may do (CSP level 3): show its one style, named by its hash, and send its form to where it came from.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    // The fallback allows nothing at all. It is not needed: base64 is valid in a header.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// What a page says, and what it offers to do.
///
/// What a link promises is done by the page's button and never by opening the page, because scanners open the links of
/// mails before people do. The button sends a POST to the page's own address, so that a token in it is not repeated.
#[derive(Debug, Clone, Copy)]
pub struct WebPage {
    /// The heading.
    pub title: &'static str,
    /// What there is to say. Programs get this alone.
    pub text: &'static str,
    /// What stands on the button, if there is one.
    pub button: Option<&'static str>,
}

/// What programs get in place of a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// What there is to say.
    #[schema(example = "The address is confirmed.")]
    pub message: &'static str,
}

/// The form in which a client takes what it is told, as a part of a request. Errors have the same form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    /// A page: for clients that name HTML as what they accept, and like JSON no better, as browsers do.
    Html,
    /// For all others.
    Json,
}

#[derive(Template)]
#[template(path = "web_page.html")]
struct Markup<'a> {
    style: &'a str,
    title: &'a str,
    text: &'a str,
    button: Option<&'a str>,
}

impl Representation {
    fn accepted(headers: &HeaderMap) -> Self {
        let (mut html, mut json) = (0, 0);
        for (media_type, weight) in weighted(headers, ACCEPT) {
            if media_type.eq_ignore_ascii_case("text/html") {
                html = weight;
            } else if media_type.eq_ignore_ascii_case("application/json") {
                json = weight;
            }
        }
        if html > 0 && html >= json { Self::Html } else { Self::Json }
    }

    /// The page as this client takes it.
    pub fn answer(self, page: &WebPage) -> Response {
        let mut response = match self {
            Self::Html => html(page),
            Self::Json => Json(Message { message: page.text }).into_response(),
        };
        response.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
        response
    }
}

#[cfg(feature = "auth")]
impl crate::request::Part for Representation {
    fn read(received: &crate::request::Received, _: &mut Vec<peregrine_core::validation::Fault>) -> Option<Self> {
        let accepted = Self::accepted(received.headers());
        if accepted == Self::Html {
            received.exchange.note_page();
        }
        Some(accepted)
    }
}

/// Gives an error answer its body as a page, with its status and header fields.
pub(crate) fn write_error(response: &mut Response) {
    let Some(said) = response.extensions_mut().remove::<Said>() else { return };
    let text = match said {
        Said::Sentence(text) => text,
        Said::Faults(_) => "The address is not complete. Please open it once more by the link that led here",
    };
    let (parts, body) = html(&WebPage { title: "That did not work", text, button: None }).into_parts();
    // The router has noted the length of the body that was not there yet.
    response.headers_mut().remove(CONTENT_LENGTH);
    for name in [CONTENT_TYPE, CONTENT_SECURITY_POLICY] {
        if let Some(value) = parts.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
    *response.body_mut() = Body::new(body);
}

fn html(page: &WebPage) -> Response {
    let WebPage { title, text, button } = *page;
    match (Markup { style: STYLE, title, text, button }).render() {
        Ok(markup) => ([(CONTENT_SECURITY_POLICY, POLICY.clone())], Html(markup)).into_response(),
        Err(error) => ApiError::Internal(error.into()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_for_those_who_ask_for_them() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Representation::Html),
            ("Text/HTML", Representation::Html),
            ("application/json;q=0.5, text/html", Representation::Html),
            ("application/json, text/html;q=0.9", Representation::Json),
            ("text/html;q=0", Representation::Json),
            ("*/*", Representation::Json),
            ("", Representation::Json),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(Representation::accepted(&headers), expected, "{accept}");
        }
        assert_eq!(Representation::accepted(&HeaderMap::new()), Representation::Json);
    }

    #[test]
    fn the_one_style_of_a_page_is_the_one_that_its_policy_names() {
        let markup = Markup { style: STYLE, title: "A", text: "B", button: None }.render().unwrap();
        let style = markup.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        assert!(POLICY.to_str().unwrap().contains(&format!("'sha256-{hash}'")));
    }
}
