use axum::Json;
use axum::extract::State;
use peregrine_http::caller::{Scoped, UsersRead};
use peregrine_http::error::{ApiError, Problem};
use peregrine_http::request::Valid;
use serde::Serialize;
use utoipa::ToSchema;

use crate::AuthState;

/// Whether a sign-in takes a second factor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecondFactorView {
    /// Whether it does.
    #[schema(example = true)]
    enabled: bool,
    /// Recovery codes that have not been used.
    #[schema(example = 10)]
    recovery_codes_left: usize,
}

/// Show whether the caller has a second factor.
///
/// And how many recovery codes are left, so that new ones can be made in time.
#[utoipa::path(
    get,
    path = "/api/v1/users/me/totp",
    tag = "auth",
    security(("bearer" = ["users:read"])),
    responses((status = 200, body = SecondFactorView), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub(crate) async fn read_totp(
    State(state): State<AuthState>,
    Valid(caller, ()): Valid<Scoped<UsersRead>, ()>,
) -> Result<Json<SecondFactorView>, ApiError> {
    let left = state.second_factors.recovery_codes_left(caller.user.id).await?;
    Ok(Json(SecondFactorView { enabled: left.is_some(), recovery_codes_left: left.unwrap_or_default() }))
}
