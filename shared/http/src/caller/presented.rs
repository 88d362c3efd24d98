use axum::http::header::AUTHORIZATION;
use peregrine_core::api_key;
use secrecy::SecretString;

use super::{NOT_AUTHENTICATED, REFUSED};
use crate::error::ApiError;
use crate::layers::X_API_KEY;
use crate::request::Received;

/// What a request carries to show who calls, not looked at yet.
pub(super) enum Presented {
    Token(String),
    ApiKey(SecretString),
}

impl Presented {
    /// What the request carries. An API key comes in a header field of its own, or as the bearer token.
    ///
    /// # Errors
    /// 401 if there is nothing, or if there are two: whoever sends several credentials may believe to be somebody else.
    pub(super) fn of(received: &Received) -> Result<Self, ApiError> {
        let bearer = bearer_token(received);
        let mut keys = received.headers().get_all(X_API_KEY).iter();
        let Some(key) = keys.next() else {
            let token = bearer.ok_or(NOT_AUTHENTICATED)?;
            let is_key = token.starts_with(api_key::PREFIX);
            return Ok(if is_key { Self::ApiKey(token.into()) } else { Self::Token(token) });
        };
        let key = String::from_utf8_lossy(key.as_bytes()).trim().to_owned();
        let is_only_one = keys.next().is_none();
        let is_alone = !received.headers().contains_key(AUTHORIZATION) || bearer.as_ref() == Some(&key);
        if is_only_one && is_alone { Ok(Self::ApiKey(key.into())) } else { Err(REFUSED) }
    }
}

/// The token in an `Authorization: Bearer` header, empty if there is none behind the scheme.
fn bearer_token(received: &Received) -> Option<String> {
    let header = String::from_utf8_lossy(received.headers().get(AUTHORIZATION)?.as_bytes());
    let (scheme, token) = header.split_once(' ').unwrap_or((&header, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}
