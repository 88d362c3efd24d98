//! Conditional requests (RFC 9110 section 13): single resources carry an `ETag`, and a change may name the state that it
//! is made to, so that nobody's change is lost silently.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use peregrine_core::validation::Fault;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use utoipa::IntoParams;

use crate::error::ApiError;
use crate::request::{Part, Received};

/// What the entity tag of a compressed answer ends with.
pub(crate) const GZIP_SUFFIX: &str = "-gzip";
/// Bytes of the hash in an entity tag. Two states that differ share a tag once in 2^128 cases.
const TAG_LENGTH: usize = 16;

/// A single resource as an answer: JSON, with the `ETag` of this very state.
#[derive(Debug)]
pub struct Tagged<T>(pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(json) => tagged(json),
            Err(error) => ApiError::Internal(error.into()).into_response(),
        }
    }
}

/// JSON as an answer with its `ETag`.
pub(crate) fn tagged(json: Vec<u8>) -> Response {
    let tag = tag_of(&json);
    let content_type = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, content_type), (ETAG, tag)], Body::from(json)).into_response()
}

/// The strong entity tag of a resource's JSON. It says all that clients can see, so that it changes whenever they would
/// see something else, also when a new version of the code shows more of the same row.
fn tag_of(json: &[u8]) -> HeaderValue {
    let hash = digest(&SHA256, json);
    let tag = URL_SAFE_NO_PAD.encode(hash.as_ref().get(..TAG_LENGTH).unwrap_or_default());
    // base64url and quotes are valid in a header.
    HeaderValue::try_from(format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The entity tags of an `If-Match` or `If-None-Match` field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EntityTags {
    /// `*`: whatever there is.
    Any,
    /// These, without the suffix of compressed answers. Weak ones still have their `W/`.
    Listed(Vec<String>),
}

impl EntityTags {
    /// The tags in a header field; `None` if it was not sent.
    pub(crate) fn read(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut values = headers.get_all(name).iter().peekable();
        values.peek()?;
        let mut tags = Vec::new();
        for value in values {
            // A tag has no spaces, and those of ours no commas.
            for tag in value.to_str().unwrap_or_default().split(',').map(str::trim) {
                if tag == "*" {
                    return Some(Self::Any);
                }
                tags.push(without_suffix(tag));
            }
        }
        Some(Self::Listed(tags))
    }

    /// Whether `tag` is among them, weak or strong: for reads, where it is enough that the content is the same.
    pub(crate) fn contain(&self, tag: &HeaderValue) -> bool {
        let weak = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        self.any(tag, |sent, tag| weak(sent) == weak(tag))
    }

    /// Whether `tag` is among them and strong: for writes.
    fn contain_strong(&self, tag: &HeaderValue) -> bool {
        self.any(tag, |sent, tag| sent == tag)
    }

    fn any(&self, tag: &HeaderValue, same: impl Fn(&str, &str) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => {
                let tag = without_suffix(tag.to_str().unwrap_or_default());
                tags.iter().any(|sent| same(sent, &tag))
            }
        }
    }
}

fn without_suffix(tag: &str) -> String {
    match tag.strip_suffix('"').and_then(|tag| tag.strip_suffix(GZIP_SUFFIX)) {
        Some(opaque) => format!("{opaque}\""),
        None => tag.to_owned(),
    }
}

/// The state of a resource that a change is made to, as `If-Match` names it; or that it must not be made to, as
/// `If-None-Match` does.
#[derive(Debug, Clone)]
pub struct Precondition {
    if_match: Option<EntityTags>,
    if_none_match: Option<EntityTags>,
    is_required: bool,
}

/// For the API's document; the fields are read by [`Precondition`].
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header, rename_all = "kebab-case")]
pub struct IfMatch {
    /// The `ETag` of the state that the change is made to. If somebody else has changed it since, the answer is 412.
    pub if_match: Option<String>,
}

impl Precondition {
    /// Compares with the resource as it is, in the form in which clients see it.
    ///
    /// # Errors
    /// 412 if it is in another state, 428 if none was named and a setting demands it.
    pub fn check(&self, current: &impl Serialize) -> Result<(), ApiError> {
        if self.is_required && self.if_match.is_none() {
            return Err(ApiError::PreconditionRequired);
        }
        if self.if_match.is_none() && self.if_none_match.is_none() {
            return Ok(());
        }
        let json = serde_json::to_vec(current).map_err(|error| ApiError::Internal(error.into()))?;
        let tag = tag_of(&json);
        let differs = self.if_match.as_ref().is_some_and(|tags| !tags.contain_strong(&tag));
        let is_known = self.if_none_match.as_ref().is_some_and(|tags| tags.contain(&tag));
        if differs || is_known { Err(ApiError::PreconditionFailed) } else { Ok(()) }
    }
}

impl Part for Precondition {
    fn read(received: &Received, _: &mut Vec<Fault>) -> Option<Self> {
        Some(Self {
            if_match: EntityTags::read(received.headers(), &IF_MATCH),
            if_none_match: EntityTags::read(received.headers(), &IF_NONE_MATCH),
            is_required: received.exchange().if_match_required(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(value: &str) -> EntityTags {
        EntityTags::read(&HeaderMap::from_iter([(IF_MATCH, value.parse().unwrap())]), &IF_MATCH).unwrap()
    }

    #[test]
    fn tags_compare_weakly_for_reads_and_strongly_for_writes() {
        let tag = HeaderValue::from_static("\"a\"");
        for (sent, weakly, strongly) in [
            ("\"a\"", true, true),
            ("\"b\", \"a\"", true, true),
            ("\"a-gzip\"", true, true),
            ("W/\"a\"", true, false),
            ("*", true, true),
            ("\"b\"", false, false),
            ("a", false, false),
            ("", false, false),
        ] {
            assert_eq!((tags(sent).contain(&tag), tags(sent).contain_strong(&tag)), (weakly, strongly), "{sent}");
        }
    }

    #[test]
    fn what_looks_different_has_another_tag() {
        assert_ne!(tag_of(b"{\"a\":1}"), tag_of(b"{\"a\":2}"));
        assert_eq!(tag_of(b"{}").len(), 24);
    }
}
