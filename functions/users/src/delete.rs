use axum::extract::State;
use peregrine_http::caller::{Interactive, SelfOrAdmin, UsersWrite};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::precondition::IfMatch;
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;
use peregrine_http::user_path::UserPath;

use crate::UsersState;
use crate::circumstances::Circumstances;

/// Delete a user.
///
/// Their items stay, in the hands of the admins. Their tokens are accepted no more, and all that they have signed in
/// with is deleted. No API key will do, and where sign-in is hardened no old session.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{user_id}",
    tag = "users",
    params(UserPath, IfMatch),
    security(("session" = ["users:write"])),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Invalid),
        (status = 428, body = Problem),
    ),
)]
pub(crate) async fn delete_user(
    State(state): State<UsersState>,
    Valid(Interactive { caller: SelfOrAdmin(caller), .. }, (Path(path), circumstances)): Valid<
        Interactive<SelfOrAdmin<UsersWrite>>,
        (Path<UserPath>, Circumstances),
    >,
) -> Result<NoContent, ApiError> {
    let user = state.find(path.user_id, &caller.user).await?;
    state.delete(&caller, user, &circumstances).await?;
    Ok(NoContent)
}
