use axum::extract::State;
use peregrine_core::table::InsertUserError;
use peregrine_core::user::{NewUser, User, UserView};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Body;
use peregrine_http::request::{Anyone, Valid};
use peregrine_http::response::Created;

use crate::UsersState;
use crate::change::NAME_TAKEN;

/// Sign up.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "users",
    request_body = NewUser,
    responses(
        (status = 201, body = UserView, headers(("Location" = String, description = "Where the user is found"))),
        (status = 400, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn create_user(
    State(state): State<UsersState>,
    Valid(Anyone, (Body(new),)): Valid<Anyone, (Body<NewUser>,)>,
) -> Result<Created<UserView>, ApiError> {
    let user = User::new(&new, state.clock.now(), &state.random);
    if !user.unique_names().is_disjoint(&state.first_admin.unique_names()) {
        return Err(NAME_TAKEN);
    }
    let password_hash = state.passwords.hash(new.password.into_secret()).await?;
    match state.users.insert(&user, &password_hash).await {
        Ok(()) => Ok(Created::at(format!("/api/v1/users/{}", user.id), user.into())),
        Err(InsertUserError::NameTaken) => Err(NAME_TAKEN),
        Err(InsertUserError::Table(error)) => Err(error.into()),
    }
}
