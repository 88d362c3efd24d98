use axum::Json;
use axum::extract::State;
use peregrine_core::table::ConditionalWriteError;
use peregrine_core::totp::{TotpSecret, TotpSetup};
use peregrine_http::caller::{Interactive, Scoped, UsersWrite};
use peregrine_http::error::{ApiError, Problem};
use peregrine_http::request::Valid;

use super::SET_UP;
use crate::AuthState;

/// Begin to set up a second factor.
///
/// The answer holds what an authenticator app is set up with, this once. Nothing changes until a code of that app
/// confirms it (`POST /users/me/totp/confirm`), within 15 minutes. To begin again takes the place of what was begun.
#[utoipa::path(
    post,
    path = "/api/v1/users/me/totp",
    tag = "auth",
    security(("session" = ["users:write"])),
    responses(
        (status = 200, body = TotpSetup),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
    ),
)]
pub(crate) async fn begin_totp(
    State(state): State<AuthState>,
    Valid(caller, ()): Valid<Interactive<Scoped<UsersWrite>>, ()>,
) -> Result<Json<TotpSetup>, ApiError> {
    let user = caller.user();
    if user.has_second_factor {
        return Err(SET_UP);
    }
    let secret = TotpSecret::new(&state.random);
    match state.second_factors.begin(user.id, &secret, state.clock.now()).await {
        Ok(()) => Ok(Json(TotpSetup::new(&secret, &state.issuer, &user.username))),
        Err(ConditionalWriteError::Outdated) => Err(SET_UP),
        Err(ConditionalWriteError::Table(error)) => Err(error.into()),
    }
}
