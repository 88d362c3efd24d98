use axum::extract::State;
use peregrine_core::user::{NewUser, User, UserView};
use peregrine_http::caller::{Interactive, PasswordHash, SelfOrAdmin, UsersWrite};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::{Body, Path};
use peregrine_http::precondition::IfMatch;
use peregrine_http::request::Valid;
use peregrine_http::user_path::UserPath;

use crate::UsersState;
use crate::change::Permitted;
use crate::circumstances::Circumstances;

/// Who asks.
type Owner = Interactive<SelfOrAdmin<UsersWrite, PasswordHash>>;
/// What is asked.
type Asked = (Path<UserPath>, Body<NewUser>, Circumstances);

/// Replace all that a user sets of their account, the password included.
///
/// What is left out is emptied. Rights and the time of sign-up stay. A new password ends all sessions. No API key will
/// do, and where sign-in is hardened no old session.
///
/// Where sign-in is hardened, users replace their own accounts only, `password` must be the current one, and stays:
/// another one is set by `PUT /api/v1/users/me/password`. It is read by the rules for new ones, so an account whose
/// password is older than those gets a new one first. A new address takes the place of the old one once it has been
/// confirmed.
#[utoipa::path(
    put,
    path = "/api/v1/users/{user_id}",
    tag = "users",
    params(UserPath, IfMatch),
    request_body = NewUser,
    security(("session" = ["users:write"])),
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
    Valid(Interactive { caller: SelfOrAdmin(caller), .. }, (Path(path), Body(new), circumstances)): Valid<Owner, Asked>,
) -> Result<Tagged<UserView>, ApiError> {
    let user = state.find(path.user_id, &caller.user).await?;
    // Before the hashes, which are the most expensive thing here; the change asks again.
    circumstances.precondition.check(&UserView::from(user.clone()))?;
    let now = state.clock.now();
    circumstances.hardened.check_password(&new.password, &user.replaced_by(&new, now), "password")?;
    let password = new.password.clone().into_secret();
    let mut permitted = Permitted {
        caller: &caller,
        circumstances: &circumstances,
        confirmation: None,
        password_hash: None,
        is_address_named: true,
    };
    let replaced = if circumstances.hardened.0 {
        if user.id != caller.user.id {
            return Err(ApiError::Forbidden);
        }
        permitted.confirmation = Some(state.confirm(&caller, &circumstances.client, password, "password").await?);
        let change = |user: &User| user.replaced_but_for_password(&new, now).awaiting_confirmation(user);
        state.change(&permitted, user, change).await?
    } else {
        permitted.password_hash = Some(state.passwords.hash(password).await?);
        state.change(&permitted, user, |user| user.replaced_by(&new, now)).await?
    };
    Ok(Tagged(replaced.into()))
}
