//! Small pages for people who follow a link from a mail, or sign in. Programs get the same as JSON.

use std::borrow::Cow;
use std::sync::LazyLock;

use askama::Template;
use axum::Json;
use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use peregrine_core::validation::{Fault, Segment};
use ring::digest::{SHA256, digest};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, Said};
use crate::weights::weighted;

const STYLE: &str = include_str!("../templates/web_page.css");

/// What a page may do (CSP level 3): show its one style, named by its hash, and send its form to where it came from.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy("form-action 'self'"));

/// What every page may do, and what one may do besides.
fn policy(more: &str) -> HeaderValue {
    let style = hash_of(STYLE);
    let policy =
        format!("default-src 'none'; style-src 'sha256-{style}'; {more}; base-uri 'none'; frame-ancestors 'none'");
    // The fallback allows nothing at all. It is not needed: base64 is valid in a header.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn hash_of(source: &str) -> String {
    STANDARD.encode(digest(&SHA256, source.as_bytes()))
}

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
    /// What is to be filled in besides.
    pub fields: &'static [Field],
    /// Where to go on from here: what the link says, and its path.
    pub link: Option<(&'static str, &'static str)>,
}

/// A field of a page's form.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The name by which it is sent.
    pub name: &'static str,
    /// What it asks for.
    pub label: &'static str,
    /// The type of the input: `email`, `password`, ….
    pub kind: &'static str,
    /// What browsers and password managers may fill in (HTML, section 4.10.18.7).
    pub autocomplete: &'static str,
}

/// The document that every page is. A title is ours and has nothing in it that HTML takes for markup.
fn framed(title: &'static str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<style>{STYLE}</style>\n</head>\n\
         <body>\n{content}\n</body>\n</html>\n"
    )
}

/// A page with one script, which calls the API. It is put together once and kept.
#[derive(Debug)]
pub struct ScriptedPage {
    markup: String,
    policy: HeaderValue,
}

impl ScriptedPage {
    /// A page of this content, in HTML, and this script, which calls nothing but where it came from. No form is sent by
    /// the browser itself, so that what is typed never stands in an address, whatever becomes of the script.
    pub fn new(title: &'static str, content: &str, script: &str) -> Self {
        let markup = framed(title, &format!("{content}<script type=\"module\">{script}</script>"));
        let script = hash_of(script);
        Self {
            markup,
            policy: policy(&format!("script-src 'sha256-{script}'; connect-src 'self'; form-action 'none'")),
        }
    }

    /// The page.
    pub fn answer(&self) -> Response {
        ([(CONTENT_SECURITY_POLICY, self.policy.clone())], Html(self.markup.clone())).into_response()
    }
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
struct Content<'a> {
    title: &'a str,
    texts: &'a [Cow<'a, str>],
    button: Option<&'a str>,
    fields: &'a [Field],
    link: Option<(&'a str, &'a str)>,
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
            Self::Html => html(page.title, &[page.text.into()], Some(page)),
            Self::Json => Json(Message { message: page.text }).into_response(),
        };
        response.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
        response
    }
}

#[cfg(feature = "auth")]
impl crate::request::Part for Representation {
    fn read(received: &crate::request::Received, _: &mut Vec<Fault>) -> Option<Self> {
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
    let texts = match &said {
        Said::Sentence(text) => vec![Cow::Borrowed(*text)],
        Said::Faults(faults) => texts_of(faults),
    };
    let (parts, body) = html("That did not work", &texts, None).into_parts();
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

/// What is wrong with what was filled in. Faults of the address itself are nothing that its reader could mend.
fn texts_of(faults: &[Fault]) -> Vec<Cow<'_, str>> {
    let is_filled_in = |fault: &Fault| fault.location.first() == Some(&Segment::Name("body".into()));
    if !faults.iter().all(is_filled_in) {
        return vec!["The address is not complete. Please open it once more by the link that led here".into()];
    }
    // Messages are sentences of ours and never repeat what was sent.
    let messages = faults.iter().map(|fault| {
        let message = fault.message.as_str();
        Cow::Borrowed(message.strip_prefix("Value error, ").unwrap_or(message))
    });
    messages.chain(["Please go back and try again.".into()]).collect()
}

fn html(title: &'static str, texts: &[Cow<'_, str>], page: Option<&WebPage>) -> Response {
    let content = Content {
        title,
        texts,
        button: page.and_then(|page| page.button),
        fields: page.map_or(&[], |page| page.fields),
        link: page.and_then(|page| page.link),
    };
    match content.render() {
        Ok(content) => ([(CONTENT_SECURITY_POLICY, POLICY.clone())], Html(framed(title, &content))).into_response(),
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
    fn the_style_and_the_script_of_a_page_are_those_that_its_policy_names() {
        let page = ScriptedPage::new("A", "", "B");
        let markup = page.markup;
        let style = markup.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        for policy in [&*POLICY, &page.policy] {
            assert!(policy.to_str().unwrap().contains(&format!("style-src 'sha256-{}'", hash_of(style))));
        }
        assert!(page.policy.to_str().unwrap().contains(&format!("script-src 'sha256-{}'", hash_of("B"))));
    }
}
