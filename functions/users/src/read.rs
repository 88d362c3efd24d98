use axum::extract::State;
use peregrine_core::user::UserView;
use peregrine_http::caller::{SelfOrAdmin, UsersRead};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::request::Valid;
use peregrine_http::user_path::UserPath;

use crate::UsersState;

/// Show a user to themselves or to an admin.
///
/// The answer is strongly consistent: it shows every change that was answered before.
#[utoipa::path(
    get,
    path = "/api/v1/users/{user_id}",
    tag = "users",
    params(UserPath),
    security(("bearer" = ["users:read"])),
    responses(
        (status = 200, body = UserView),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn read_user(
    State(state): State<UsersState>,
    Valid(SelfOrAdmin(caller), (Path(path),)): Valid<SelfOrAdmin<UsersRead>, (Path<UserPath>,)>,
) -> Result<Tagged<UserView>, ApiError> {
    Ok(Tagged(state.find(path.user_id, &caller.user).await?.into()))
}
