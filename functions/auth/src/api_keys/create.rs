use axum::extract::State;
use peregrine_core::api_key::{ApiKey, ApiKeyHash, IssuedApiKey, MOST, NewApiKey};
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::table::{Also, InsertApiKeyError};
use peregrine_http::caller::{Interactive, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::idempotency::{IdempotencyKey, OnceHeader};
use peregrine_http::parts::Body;
use peregrine_http::race::Race;
use peregrine_http::request::Valid;
use peregrine_http::response::Created;

use crate::AuthState;

/// Create an API key.
///
/// The answer shows the key, this once: only its hash is stored. A key is refused (403) whose scopes are more than
/// those of the access token that asks for it. What its owner loses in rights is lost to the key too. A user can have
/// 20 keys (409). A key is accepted until it expires or is deleted, or its owner is deactivated; it does not end with a
/// session.
#[utoipa::path(
    post,
    path = "/api/v1/users/me/api-keys",
    tag = "auth",
    params(OnceHeader),
    request_body = NewApiKey,
    security(("session" = ["users:write"])),
    responses(
        (status = 201, body = IssuedApiKey),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn create_api_key(
    State(state): State<AuthState>,
    Valid(caller, (idempotency_key, client, Body(new))): Valid<
        Interactive<Scoped<UsersWrite>>,
        (IdempotencyKey, Client, Body<NewApiKey>),
    >,
) -> Result<Created, ApiError> {
    let user = caller.user();
    let scopes = new.scopes_within(caller.scopes()).ok_or(ApiError::Forbidden)?;
    let now = state.clock.now();
    let key = ApiKey::new((user.id, user.api_key_epoch), &new, scopes, now, &state.random);
    let text = state.api_key_texts.issue(&key, &state.random);
    let location = format!("/api/v1/users/me/api-keys/{}", key.id);
    let created = Created::at(location, &key.issued(&text))?.secret();
    let once = state.idempotency.once(idempotency_key, Some(user.id), &created);
    let event = AuditEvent::new(AuditAction::ApiKeyCreated, user.id, client.address, now, &state.random)
        .about(format!("{}: {}", key.id, key.scopes));
    // Were the user's sessions ended at this moment, the key would outlive what ended them.
    let also = Also::nothing().and(state.users.unended(user, caller.session)).and(state.audit.record(&event));
    let mut race = Race::new("Keys were changed by somebody else, please try again");
    loop {
        let held = state.api_keys.list(user.id).await?;
        if held.clone().live(user.api_key_epoch, now).count() >= MOST {
            return Err(ApiError::Conflict("A user can have 20 API keys at most"));
        }
        match state.api_keys.insert(&key, &ApiKeyHash::of(&text), &held, &also, once.as_ref()).await {
            Ok(()) => return Ok(created),
            Err(InsertApiKeyError::Outdated) => race.lost()?,
            Err(InsertApiKeyError::KeyUsed(used)) => return Created::again(used),
            Err(InsertApiKeyError::Table(error)) => return Err(error.into()),
        }
    }
}
