use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::table::Also;
use peregrine_core::validation::Validate;
use peregrine_http::caller::{Interactive, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::AuthState;

/// Which key.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Path)]
pub(crate) struct ApiKeyPath {
    /// The key's id.
    key_id: Uuid,
}

/// Delete an API key.
///
/// From then on it is refused.
#[utoipa::path(
    delete,
    path = "/api/v1/users/me/api-keys/{key_id}",
    tag = "auth",
    params(ApiKeyPath),
    security(("session" = ["users:write"])),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn delete_api_key(
    State(state): State<AuthState>,
    Valid(caller, (Path(path), client)): Valid<Interactive<Scoped<UsersWrite>>, (Path<ApiKeyPath>, Client)>,
) -> Result<NoContent, ApiError> {
    let (user, now) = (caller.user(), state.clock.now());
    let event = AuditEvent::new(AuditAction::ApiKeyDeleted, user.id, client.address, now, &state.random)
        .about(path.key_id.to_string());
    let also = Also::nothing().and(state.audit.record(&event));
    let is_deleted = state.api_keys.delete(user.id, path.key_id, &also).await?;
    if is_deleted { Ok(NoContent) } else { Err(ApiError::NotFound("API key not found")) }
}
