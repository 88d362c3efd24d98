use axum::extract::State;
use peregrine_core::user::{NewUser, UserView};
use peregrine_http::caller::{SelfOrAdmin, UsersWrite};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::{Body, Path};
use peregrine_http::precondition::{IfMatch, Precondition};
use peregrine_http::request::Valid;

use crate::UsersState;
use crate::path::UserPath;

/// Replace all that a user sets of their account, the password included.
///
/// What is left out is emptied. Rights and the time of sign-up stay.
#[utoipa::path(
    put,
    path = "/api/v1/users/{user_id}",
    tag = "users",
    params(UserPath, IfMatch),
    request_body = NewUser,
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
pub(crate) async fn replace_user(
    State(state): State<UsersState>,
    Valid(SelfOrAdmin(caller), (Path(path), Body(new), precondition)): Valid<
        SelfOrAdmin<UsersWrite>,
        (Path<UserPath>, Body<NewUser>, Precondition),
    >,
) -> Result<Tagged<UserView>, ApiError> {
    let user = state.find(path.user_id, &caller.user).await?;
    // Before the hash, which is the most expensive thing here; the change asks again.
    precondition.check(&UserView::from(user.clone()))?;
    let password_hash = state.passwords.hash(new.password.clone().into_secret()).await?;
    let now = state.clock.now();
    let user =
        state.change(&caller, user, &precondition, Some(&password_hash), |user| user.replaced_by(&new, now)).await?;
    Ok(Tagged(user.into()))
}
