//! What caches may do with an answer, and answers to those who have one already.

use axum::body::Body;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;

use super::X_API_KEY;
use crate::entity_tag::{EntityTags, GZIP_SUFFIX};

/// What must be known of a request to make its answer cacheable.
pub(crate) struct Cached {
    is_read: bool,
    /// The header fields in which the request says who calls.
    credentials: Vec<&'static str>,
    if_none_match: Option<EntityTags>,
}

impl Cached {
    pub(crate) fn of(request: &Request<Body>) -> Self {
        let headers = request.headers();
        Self {
            is_read: request.method() == Method::GET || request.method() == Method::HEAD,
            credentials: [(AUTHORIZATION, "Authorization"), (X_API_KEY, "X-API-Key")]
                .into_iter()
                .filter_map(|(name, shown)| headers.contains_key(name).then_some(shown))
                .collect(),
            if_none_match: EntityTags::read(headers, &IF_NONE_MATCH),
        }
    }

    /// Answers 304 to a client that has what it asks for (RFC 9110 section 13.1.2), with the header fields that the
    /// whole answer would have, and says what may be kept: single resources, if they are asked for again each time;
    /// everything else not at all, unless the handler says otherwise.
    pub(crate) fn mark(&self, response: &mut Response) {
        if response.headers().contains_key(CONTENT_ENCODING) {
            tag_compressed(response.headers_mut());
        }
        let tag = response.headers().get(ETAG);
        let is_found = self.is_read && response.status() == StatusCode::OK;
        let is_tagged = is_found && tag.is_some();
        if is_found && tag.zip(self.if_none_match.as_ref()).is_some_and(|(tag, known)| known.contain(tag)) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
        }
        let status = response.status();
        let headers = response.headers_mut();
        if status == StatusCode::NOT_MODIFIED {
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_ENCODING);
        }
        if status == StatusCode::NOT_MODIFIED || status == StatusCode::NO_CONTENT {
            // What has no content has no length either (RFC 9110 section 8.6).
            headers.remove(CONTENT_LENGTH);
        }
        let rule = match (is_tagged, !self.credentials.is_empty()) {
            (true, true) => "private, no-cache",
            (true, false) => "no-cache",
            (false, _) => "no-store",
        };
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(rule));
        }
        for name in &self.credentials {
            headers.append(VARY, HeaderValue::from_static(name));
        }
    }
}

/// Gives a compressed answer an entity tag of its own: other bytes must not have the same strong one (RFC 9110 section
/// 8.8.3.3). Tags are compared without this suffix.
fn tag_compressed(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG).and_then(|tag| tag.to_str().ok()) else { return };
    let Some(opaque) = tag.strip_suffix('"').filter(|opaque| !opaque.ends_with(GZIP_SUFFIX)) else {
        return;
    };
    if let Ok(tag) = HeaderValue::try_from(format!("{opaque}{GZIP_SUFFIX}\"")) {
        headers.insert(ETAG, tag);
    }
}
