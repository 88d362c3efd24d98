use axum::Json;
use axum::extract::State;
use peregrine_core::api_key::ApiKeyView;
use peregrine_http::caller::{Scoped, UsersRead};
use peregrine_http::error::{ApiError, Problem};
use peregrine_http::request::Valid;

use crate::AuthState;

/// List the caller's API keys.
///
/// Those that are accepted, the oldest first, all of them at once: there are 20 at most. The keys themselves are not
/// shown.
#[utoipa::path(
    get,
    path = "/api/v1/users/me/api-keys",
    tag = "auth",
    security(("bearer" = ["users:read"])),
    responses((status = 200, body = [ApiKeyView]), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub(crate) async fn list_api_keys(
    State(state): State<AuthState>,
    Valid(caller, ()): Valid<Scoped<UsersRead>, ()>,
) -> Result<Json<Vec<ApiKeyView>>, ApiError> {
    let held = state.api_keys.list(caller.user.id).await?;
    Ok(Json(held.live(caller.user.api_key_epoch, state.clock.now()).map(ApiKeyView::from).collect()))
}
