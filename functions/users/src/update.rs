use axum::extract::State;
use peregrine_core::user::{User, UserPatch, UserView};
use peregrine_http::caller::{Scoped, SelfOrAdmin, UsersWrite};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::{Body, Path};
use peregrine_http::precondition::{IfMatch, Precondition};
use peregrine_http::request::Valid;

use crate::UsersState;
use crate::path::UserPath;

/// Change some of a user's account.
///
/// A JSON Merge Patch (RFC 7396): what is left out stays as it is. Only an admin changes `is_active` and `scopes`.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{user_id}",
    tag = "users",
    params(UserPath, IfMatch),
    request_body = UserPatch,
    security(("bearer" = ["users:write"])),
    responses(
        (status = 200, body = UserView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
        (status = 428, body = Problem),
    ),
)]
pub(crate) async fn update_user(
    State(state): State<UsersState>,
    Valid(SelfOrAdmin(caller), (Path(path), Body(patch), precondition)): Valid<
        SelfOrAdmin<UsersWrite>,
        (Path<UserPath>, Body<UserPatch>, Precondition),
    >,
) -> Result<Tagged<UserView>, ApiError> {
    let user = state.find(path.user_id, &caller.user).await?;
    patch_user(&state, &caller, user, patch, &precondition).await
}

/// Makes the changes that the caller may make.
pub(crate) async fn patch_user(
    state: &UsersState,
    caller: &Scoped<UsersWrite>,
    user: User,
    patch: UserPatch,
    precondition: &Precondition,
) -> Result<Tagged<UserView>, ApiError> {
    if patch.needs_admin() && !caller.is_admin() {
        return Err(ApiError::Forbidden);
    }
    let password_hash = match patch.password.clone().set() {
        Some(password) => {
            // Before the hash, which is the most expensive thing here; the change asks again.
            precondition.check(&UserView::from(user.clone()))?;
            Some(state.passwords.hash(password.into_secret()).await?)
        }
        None => None,
    };
    let now = state.clock.now();
    let user =
        state.change(caller, user, precondition, password_hash.as_deref(), |user| user.patched_by(&patch, now)).await?;
    Ok(Tagged(user.into()))
}
