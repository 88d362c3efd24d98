use axum::extract::State;
use peregrine_core::user::{PasswordChange, UserView};
use peregrine_http::caller::Interactive;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Body;
use peregrine_http::precondition::IfMatch;
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;

use crate::UsersState;
use crate::change::Permitted;
use crate::circumstances::Circumstances;
use crate::confirm::Changer;

/// Change the caller's own password.
///
/// Who knows the current one, that is: after too many wrong ones the caller has to wait (429). All sessions end, this
/// one too, and a mail says so to an address that has been confirmed. No API key will do, and where sign-in is hardened
/// no old session.
#[utoipa::path(
    put,
    path = "/api/v1/users/me/password",
    tag = "users",
    params(IfMatch),
    request_body = PasswordChange,
    security(("session" = ["users:write"])),
    responses(
        (status = 204),
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
pub(crate) async fn change_password(
    State(state): State<UsersState>,
    Valid(Interactive { caller, .. }, (Body(change), circumstances)): Valid<
        Interactive<Changer>,
        (Body<PasswordChange>, Circumstances),
    >,
) -> Result<NoContent, ApiError> {
    let PasswordChange { current_password, new_password } = change;
    // Before the hashes, which are the most expensive thing here; the change asks again.
    circumstances.precondition.check(&UserView::from(caller.user.clone()))?;
    circumstances.hardened.check_password(&new_password, &caller.user, "new_password")?;
    let confirmation = state.confirm(&caller, &circumstances.client, current_password, "current_password").await?;
    let permitted = Permitted {
        caller: &caller,
        circumstances: &circumstances,
        confirmation: Some(confirmation),
        password_hash: Some(state.passwords.hash(new_password.into_secret()).await?),
        is_address_named: false,
    };
    let now = state.clock.now();
    state.change(&permitted, caller.user.clone(), |user| user.with_new_password(now)).await?;
    Ok(NoContent)
}
