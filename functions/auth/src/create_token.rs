use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::response::IntoResponse;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::scope::Scopes;
use peregrine_core::session::Session;
use peregrine_core::table::{Also, InsertUserError, SignIn};
use peregrine_core::token::LIFETIME_SECONDS;
use peregrine_core::user::User;
use peregrine_core::validation::Validate;
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::pace::{self, Paced};
use peregrine_http::parts::Form;
use peregrine_http::request::{Anyone, Valid};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::AuthState;

/// The form of an OAuth2 password sign-in (RFC 6749 section 4.3.2).
#[derive(Debug, ToSchema, Validate)]
pub(crate) struct PasswordGrant {
    /// `password`, if it is sent.
    #[schema(pattern = "^password$", example = "password")]
    #[expect(dead_code, reason = "validated and documented, not used")]
    grant_type: Option<String>,
    /// The username or the email.
    #[schema(example = "ann")]
    username: String,
    /// The password.
    #[schema(value_type = String, example = "Passw0rd1")]
    password: SecretString,
    /// The scopes that are wanted, separated by spaces; all that the user has if none are named.
    #[schema(default = "", example = "items:read items:write")]
    scope: String,
    /// Accepted and not used: this is a first-party sign-in.
    #[schema(example = "web")]
    #[expect(dead_code, reason = "validated and documented, not used")]
    client_id: Option<String>,
    /// Accepted and not used: this is a first-party sign-in.
    #[schema(value_type = Option<String>, example = "none")]
    #[expect(dead_code, reason = "validated and documented, not used")]
    client_secret: Option<SecretString>,
}

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
    #[schema(
        example = "AQGY88QSq30Qnz5rWkw9Lh8AGY88QSq30Qnz5rWkw9Lh8AAAAAGY88QSq30Qnz5rWkw9Lh8AGY88QSq30Qnz5rWkw9Lh8"
    )]
    refresh_token: String,
    /// The scopes that the token has.
    #[schema(example = "items:read items:write")]
    scope: String,
}

/// Sign in with username or email and password.
///
/// The answer is the same, and takes as long, whether the user is unknown, inactive, or the password wrong.
#[utoipa::path(
    post,
    path = "/api/v1/token",
    tag = "auth",
    request_body(content = PasswordGrant, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Token),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn create_token(
    State(state): State<AuthState>,
    Valid(_, (Form(grant), client)): Valid<Paced<pace::SignIn, Anyone>, (Form<PasswordGrant>, Client)>,
) -> Result<impl IntoResponse, ApiError> {
    let user = sign_in(&state, &grant.username, grant.password).await?;
    let user = user.ok_or(ApiError::Unauthenticated("Incorrect username or password"))?;
    let scopes = if grant.scope.trim().is_empty() {
        user.scopes.clone()
    } else {
        Some(Scopes::parse_lenient(&grant.scope).granted_by(&user.scopes))
            .filter(|scopes| !scopes.is_empty())
            .ok_or(ApiError::InvalidScope)?
    };
    let now = state.clock.now();
    let session =
        Session::begin(&user, scopes, false, (client.address, client.user_agent.as_deref()), now, &state.random);
    let event = AuditEvent::new(AuditAction::SignedIn, user.id, client.address, now, &state.random);
    state.sessions.insert(&session, &Also::nothing().and(state.audit.record(&event))).await?;
    let token = Token {
        access_token: state.signer.mint(user.id, session.reference(), &session.scopes, now)?,
        token_type: "bearer",
        expires_in: LIFETIME_SECONDS,
        refresh_token: state.refresh_tokens.current_of(&session).expose_secret().to_owned(),
        scope: session.scopes.to_string(),
    };
    // RFC 6749 section 5.1: no cache may keep a token.
    let uncached =
        [(CACHE_CONTROL, HeaderValue::from_static("no-store")), (PRAGMA, HeaderValue::from_static("no-cache"))];
    Ok((uncached, Json(token)))
}

/// The active user with this name and password. An unknown name takes as long as a wrong password.
async fn sign_in(state: &AuthState, name: &str, password: SecretString) -> Result<Option<User>, ApiError> {
    let mut found = state.users.find_for_sign_in(name).await?;
    if found.is_none()
        && let Some(admin) = state.first_admin.verify(name, &password)
    {
        let account = admin.account(state.clock.now(), &state.random);
        found = create_first_admin(state, name, account, password.clone()).await?;
    }
    let (user, hash) = found.map(|SignIn { user, password_hash }| (user, password_hash)).unzip();
    let matches = state.passwords.verify(password, hash).await?;
    Ok(user.filter(|user| matches && user.is_active))
}

/// Creates the first administrator's account, once and for all. If another sign-in has just done so, that account is the
/// one; if it has been renamed or deleted since, there is none.
async fn create_first_admin(
    state: &AuthState,
    name: &str,
    account: User,
    password: SecretString,
) -> Result<Option<SignIn>, ApiError> {
    let password_hash = state.passwords.hash(password).await?;
    match state.users.insert_first_admin(&account, &password_hash).await {
        Ok(()) => {
            tracing::info!(user_id = %account.id, "created the first administrator");
            Ok(Some(SignIn { user: account, password_hash }))
        }
        Err(InsertUserError::NameTaken | InsertUserError::KeyUsed(_)) => Ok(state.users.find_for_sign_in(name).await?),
        Err(InsertUserError::Table(error)) => Err(error.into()),
    }
}
