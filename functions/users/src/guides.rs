//! The names under which the guides show the caller's own account.

use peregrine_core::user::UserView;
use peregrine_http::caller::{Scoped, UsersRead};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::Problem;
use peregrine_http::request::Valid;

/// Show the caller's own account, by its short name.
///
/// The same as `GET /api/v1/users/me`.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "users",
    security(("bearer" = ["users:read"])),
    responses((status = 200, body = UserView), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub(crate) async fn read_current_user(Valid(caller, ()): Valid<Scoped<UsersRead>, ()>) -> Tagged<UserView> {
    Tagged(caller.user.into())
}

/// Show the caller's own account, as the guides' example of what is protected.
///
/// The same as `GET /api/v1/users/me`.
#[utoipa::path(
    get,
    path = "/api/v1/protected",
    tag = "users",
    security(("bearer" = ["users:read"])),
    responses((status = 200, body = UserView), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub(crate) async fn read_protected(Valid(caller, ()): Valid<Scoped<UsersRead>, ()>) -> Tagged<UserView> {
    Tagged(caller.user.into())
}
