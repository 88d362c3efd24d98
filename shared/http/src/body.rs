//! Reads a request's body, as FastAPI does: what can't be parsed is refused before anything else is looked at.

mod multipart;
mod parameters;
mod part;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use peregrine_core::validation::json::{self, JsonError};
use peregrine_core::validation::{Context, Fault, Input, Segment, urlencoded};

use self::parameters::Parameterised;
use self::part::{FormError, Part};
use crate::error::ApiError;

/// Largest JSON or form body that is read, in bytes. A parsed body takes up to forty times its size in memory.
const LIMIT: usize = 1024 * 1024;

/// What an endpoint expects in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// Nothing. A body is not even looked at.
    Ignored,
    /// JSON.
    Json,
    /// A form, URL-encoded or multipart.
    Form,
    /// A form if it is declared to be one, else JSON.
    FormOrJson,
}

/// A body, parsed.
pub(crate) enum ReceivedBody {
    /// None was sent, or none is expected.
    Absent,
    Json(Input),
    /// A file is an object, which is no text to a field that wants one.
    Form(Vec<(String, Input)>),
}

/// Reads the body as the endpoint expects it.
pub(crate) fn read(kind: BodyKind, headers: &HeaderMap, bytes: &Bytes) -> Result<ReceivedBody, ApiError> {
    if kind == BodyKind::Ignored {
        return Ok(ReceivedBody::Absent);
    }
    if bytes.len() > LIMIT {
        return Err(ApiError::TooLarge);
    }
    match kind {
        BodyKind::Form | BodyKind::FormOrJson if kind == BodyKind::Form || is_form(headers) => {
            read_form(headers, bytes).map(ReceivedBody::Form).map_err(|error| ApiError::UnreadableForm(error.detail()))
        }
        _ if bytes.is_empty() => Ok(ReceivedBody::Absent),
        _ if is_json(headers) => read_json(bytes).map(ReceivedBody::Json),
        // Whatever is not declared to be JSON is text to FastAPI, and text is no object.
        _ => Ok(ReceivedBody::Json(Input::text(String::from_utf8_lossy(bytes)))),
    }
}

fn read_json(bytes: &[u8]) -> Result<Input, ApiError> {
    json::parse(bytes).map_err(|error| match error {
        JsonError::Unreadable => ApiError::UnreadableBody,
        JsonError::Syntax { message, position } => ApiError::Invalid(vec![Fault {
            kind: "json_invalid",
            location: vec![Segment::Name("body".into()), Segment::Index(position)],
            message: "JSON decode error".to_owned(),
            input: Input::object([]),
            context: Some(Context::of("error", Input::text(message))),
        }]),
    })
}

/// A form of another type than these two has no fields, as in FastAPI.
fn read_form(headers: &HeaderMap, bytes: &Bytes) -> Result<Vec<(String, Input)>, FormError> {
    let content_type = Parameterised::parse(headers.get(CONTENT_TYPE).map_or(&[], |value| value.as_bytes()));
    match content_type.value.as_slice() {
        b"application/x-www-form-urlencoded" => {
            let pairs = urlencoded::parse(bytes);
            if pairs.len() > multipart::MAX_PARTS {
                return Err(FormError::TooManyFields);
            }
            Ok(pairs.into_iter().map(|(name, value)| (name, Input::String(value))).collect())
        }
        b"multipart/form-data" => {
            let parts = multipart::parse(&content_type, bytes)?;
            Ok(parts.into_iter().filter(|part| !is_unchosen_file(part)).map(field_of).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// What a browser sends for a file input that its user left empty.
fn is_unchosen_file(part: &Part) -> bool {
    part.content.is_empty() && part.file.as_ref().is_some_and(|file| file.name.is_empty())
}

fn field_of(part: Part) -> (String, Input) {
    let Some(file) = part.file else {
        let text = Input::String(part.text());
        return (part.name, text);
    };
    let headers = file.fields.into_iter().map(|(name, value)| (name, Input::String(value)));
    let shown = Input::object([
        ("filename".to_owned(), Input::String(file.name)),
        ("size".to_owned(), Input::integer(part.content.len() as i128)),
        ("headers".to_owned(), Input::object(headers)),
    ]);
    (part.name, shown)
}

/// Whether the `Content-Type` is one of the two that forms have.
fn is_form(headers: &HeaderMap) -> bool {
    let content_type = Parameterised::parse(headers.get(CONTENT_TYPE).map_or(&[], |value| value.as_bytes()));
    matches!(content_type.value.as_slice(), b"application/x-www-form-urlencoded" | b"multipart/form-data")
}

/// Whether the `Content-Type` is `application/json` or ends in `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}
