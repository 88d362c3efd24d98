//! Entity tags (RFC 9110 section 8.8.3): single resources carry an `ETag`, which names the state that a client has
//! seen.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::Serialize;

use crate::error::ApiError;

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
pub(crate) fn tag_of(json: &[u8]) -> HeaderValue {
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
    pub(crate) fn contain_strong(&self, tag: &HeaderValue) -> bool {
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

#[cfg(test)]
mod tests {
    use axum::http::header::IF_MATCH;

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
