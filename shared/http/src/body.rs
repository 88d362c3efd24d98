//! Reads a request's body, as FastAPI does: what can't be parsed is refused before anything else is looked at.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use futures_util::stream;
use peregrine_core::validation::json::{self, JsonError};
use peregrine_core::validation::{Context, Fault, Input, Segment, urlencoded};

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
}

/// A body, parsed.
pub(crate) enum ReceivedBody {
    /// None was sent, or none is expected.
    Absent,
    Json(Input),
    Form(Vec<(String, String)>),
}

pub(crate) async fn read(kind: BodyKind, headers: &HeaderMap, bytes: Bytes) -> Result<ReceivedBody, ApiError> {
    if kind == BodyKind::Ignored {
        return Ok(ReceivedBody::Absent);
    }
    if bytes.len() > LIMIT {
        return Err(ApiError::TooLarge);
    }
    let content_type = ContentType::of(headers);
    match kind {
        BodyKind::Form => read_form(&content_type, bytes).await.map(ReceivedBody::Form),
        _ if bytes.is_empty() => Ok(ReceivedBody::Absent),
        _ if content_type.is_json() => read_json(&bytes).map(ReceivedBody::Json),
        // Whatever is not declared to be JSON is text to FastAPI, and text is no object.
        _ => Ok(ReceivedBody::Json(Input::text(String::from_utf8_lossy(&bytes)))),
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
async fn read_form(content_type: &ContentType, bytes: Bytes) -> Result<Vec<(String, String)>, ApiError> {
    match content_type.essence.as_str() {
        "application/x-www-form-urlencoded" => Ok(urlencoded::parse(&bytes)),
        "multipart/form-data" => read_multipart(&content_type.whole, bytes).await,
        _ => Ok(Vec::new()),
    }
}

async fn read_multipart(content_type: &str, bytes: Bytes) -> Result<Vec<(String, String)>, ApiError> {
    let unreadable = |_| ApiError::UnreadableBody;
    let boundary = multer::parse_boundary(content_type).map_err(unreadable)?;
    let whole = stream::once(async { Ok::<_, std::convert::Infallible>(bytes) });
    let mut multipart = multer::Multipart::new(whole, boundary);
    let mut fields = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(unreadable)? {
        // A file is no text: for a field that wants text it counts as not sent.
        if let (Some(name), None) = (field.name().map(ToOwned::to_owned), field.file_name()) {
            let value = field.bytes().await.map_err(unreadable)?;
            fields.push((name, String::from_utf8_lossy(&value).into_owned()));
        }
    }
    Ok(fields)
}

/// The `Content-Type` of a request.
struct ContentType {
    whole: String,
    /// Type and subtype, in lower case, without parameters.
    essence: String,
}

impl ContentType {
    fn of(headers: &HeaderMap) -> Self {
        let whole =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().trim().to_owned();
        let essence = whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Self { whole, essence }
    }

    fn is_json(&self) -> bool {
        self.essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
    }
}
