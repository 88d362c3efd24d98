use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use peregrine_core::scope::Scopes;
use peregrine_core::session::Session;
use peregrine_core::token::{LIFETIME_SECONDS, Signer};
use peregrine_http::error::ApiError;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::AuthState;

/// A token (RFC 6749 section 5.1).
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the RFC")]
pub(crate) struct Token {
    /// A JWT, to be sent as `Authorization: Bearer …`.
    #[schema(example = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl")]
    access_token: String,
    /// `bearer`
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Seconds until the token expires.
    #[schema(example = 1800)]
    expires_in: i64,
    /// Gives the next access token, and the next refresh token, at `POST /api/v1/token/refresh`. Good for one use.
    #[schema(example = "AQGY88QSq30Qnz5rWkw9Lh8BmPPEEqt9EJ8-a1pMPS4fAAAAAMbl0eXBlIG9mIGEgTUFDIG92ZXIgYWxsIG9mIHRoYXQ")]
    refresh_token: String,
    /// The scopes that the token has.
    #[schema(example = "items:read items:write")]
    scope: String,
}

impl Token {
    /// The tokens of a session as it is now, the access token with these scopes.
    ///
    /// # Errors
    /// 500 if nothing can be signed.
    pub(crate) fn of(
        session: &Session,
        scopes: &Scopes,
        state: &AuthState,
        signer: &Signer,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            access_token: signer.mint(session.user_id, session.reference(), scopes, now)?,
            token_type: "bearer",
            expires_in: LIFETIME_SECONDS,
            refresh_token: state.refresh_tokens.current_of(session).expose_secret().to_owned(),
            scope: scopes.to_string(),
        })
    }
}

impl IntoResponse for Token {
    fn into_response(self) -> Response {
        // RFC 6749 section 5.1: no cache may keep a token.
        let uncached =
            [(CACHE_CONTROL, HeaderValue::from_static("no-store")), (PRAGMA, HeaderValue::from_static("no-cache"))];
        (uncached, Json(self)).into_response()
    }
}

/// What is granted of what is allowed: all of it, or what is asked for by name.
///
/// # Errors
/// 400 if nothing is left of what is asked for (RFC 6749 section 5.2).
pub(crate) fn granted(allowed: Scopes, asked: &str) -> Result<Scopes, ApiError> {
    if asked.trim().is_empty() {
        return Ok(allowed);
    }
    let granted = Scopes::parse_lenient(asked).granted_by(&allowed);
    if granted.is_empty() { Err(ApiError::InvalidScope) } else { Ok(granted) }
}
