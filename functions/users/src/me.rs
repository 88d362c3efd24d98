//! The caller's own account, without having to know its id.

use axum::extract::State;
use peregrine_core::user::{UserPatch, UserView};
use peregrine_http::caller::{Interactive, Scoped, UsersRead, UsersWrite};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Body;
use peregrine_http::precondition::IfMatch;
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;

use crate::UsersState;
use crate::circumstances::Circumstances;
use crate::confirm::Changer;
use crate::update::patch_user;

/// Show the caller's own account.
///
/// The answer is strongly consistent: it shows every change that was answered before.
#[utoipa::path(
    get,
    path = "/api/v1/users/me",
    tag = "users",
    security(("bearer" = ["users:read"])),
    responses((status = 200, body = UserView), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub(crate) async fn read_me(Valid(caller, ()): Valid<Scoped<UsersRead>, ()>) -> Tagged<UserView> {
    Tagged(caller.user.into())
}

/// Change some of the caller's own account.
///
/// A JSON Merge Patch (RFC 7396): what is left out stays as it is. Only an admin changes `is_active` and `scopes`. A
/// new password ends all sessions, and so does deactivation. No API key changes `email`, `username` or `password`.
/// Where sign-in is hardened all three take the current password, and they, `is_active` and `scopes` a sign-in of the
/// last 15 minutes and no API key.
#[utoipa::path(
    patch,
    path = "/api/v1/users/me",
    tag = "users",
    params(IfMatch),
    request_body = UserPatch,
    security(("bearer" = ["users:write"])),
    responses(
        (status = 200, body = UserView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
        (status = 428, body = Problem),
    ),
)]
pub(crate) async fn update_me(
    State(state): State<UsersState>,
    Valid(caller, (Body(patch), circumstances)): Valid<Changer, (Body<UserPatch>, Circumstances)>,
) -> Result<Tagged<UserView>, ApiError> {
    patch_user(&state, &caller, caller.user.clone(), patch, &circumstances).await
}

/// Delete the caller's own account.
///
/// Their items stay, in the hands of the admins. Their tokens are accepted no more, and all that they have signed in
/// with is deleted. No API key will do, and where sign-in is hardened no old session.
#[utoipa::path(
    delete,
    path = "/api/v1/users/me",
    tag = "users",
    params(IfMatch),
    security(("session" = ["users:write"])),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 428, body = Problem),
    ),
)]
pub(crate) async fn delete_me(
    State(state): State<UsersState>,
    Valid(Interactive { caller, .. }, circumstances): Valid<Interactive<Scoped<UsersWrite>>, Circumstances>,
) -> Result<NoContent, ApiError> {
    state.delete(&caller, caller.user.clone(), &circumstances).await?;
    Ok(NoContent)
}
