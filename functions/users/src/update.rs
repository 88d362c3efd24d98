use axum::extract::State;
use jiff::Timestamp;
use peregrine_core::user::{User, UserPatch, UserView};
use peregrine_core::validation::{Change, Fault, Input};
use peregrine_http::caller::{PasswordHash, SelfOrAdmin, UsersWrite, ensure_recent};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::{Body, Path};
use peregrine_http::precondition::IfMatch;
use peregrine_http::request::Valid;
use peregrine_http::user_path::UserPath;

use crate::UsersState;
use crate::change::Permitted;
use crate::circumstances::Circumstances;
use crate::confirm::{Changer, Confirmation};

/// Who asks.
type Owner = SelfOrAdmin<UsersWrite, PasswordHash>;
/// What is asked.
type Asked = (Path<UserPath>, Body<UserPatch>, Circumstances);

/// Change some of a user's account.
///
/// A JSON Merge Patch (RFC 7396): what is left out stays as it is. Only an admin changes `is_active` and `scopes`. A
/// new password ends all sessions, and so does deactivation. No API key changes `email`, `username` or `password`.
/// Where sign-in is hardened all three take the current password, and they, `is_active` and `scopes` a sign-in of the
/// last 15 minutes and no API key; an admin sets nobody else's password or address.
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
    Valid(SelfOrAdmin(caller), (Path(path), Body(patch), circumstances)): Valid<Owner, Asked>,
) -> Result<Tagged<UserView>, ApiError> {
    let user = state.find(path.user_id, &caller.user).await?;
    patch_user(&state, &caller, user, patch, &circumstances).await
}

/// Makes the changes that the caller may make.
pub(crate) async fn patch_user(
    state: &UsersState,
    caller: &Changer,
    user: User,
    patch: UserPatch,
    circumstances: &Circumstances,
) -> Result<Tagged<UserView>, ApiError> {
    let now = state.clock.now();
    check_permission(caller, &user, &patch, circumstances, now)?;
    // Before the hashes, which are the most expensive thing here; the change asks again.
    circumstances.precondition.check(&UserView::from(user.clone()))?;
    let password = patch.password.clone().set();
    if let Some(password) = &password {
        circumstances.hardened.check_password(password, &user.patched_by(&patch, now), "password")?;
    }
    let permitted = Permitted {
        caller,
        circumstances,
        confirmation: confirm(state, caller, &user, &patch, circumstances).await?,
        password_hash: match password {
            Some(password) => Some(state.passwords.hash(password.into_secret()).await?),
            None => None,
        },
        is_address_named: matches!(patch.email, Change::Set(_)),
    };
    let change = |user: &User| {
        let changed = user.patched_by(&patch, now);
        if circumstances.hardened.0 { changed.awaiting_confirmation(user) } else { changed }
    };
    Ok(Tagged(state.change(&permitted, user, change).await?.into()))
}

fn check_permission(
    caller: &Changer,
    user: &User,
    patch: &UserPatch,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<(), ApiError> {
    let is_own = user.id == caller.user.id;
    let is_password_set = matches!(patch.password, Change::Set(_));
    let refused = [
        patch.needs_admin() && !caller.is_admin(),
        // Whoever has one API key must not get the whole account by it.
        patch.changes_sign_in() && caller.session.is_none(),
        // Whoever chooses another one's password, or the address that a link for a new one is sent to, could sign in as
        // them. An admin has a link sent to the address that is there (OWASP ASVS 6.4.6).
        circumstances.hardened.0 && !is_own && (is_password_set || matches!(patch.email, Change::Set(_))),
    ];
    if refused.contains(&true) {
        return Err(ApiError::Forbidden);
    }
    if circumstances.hardened.0 && (patch.needs_admin() || patch.changes_sign_in()) {
        ensure_recent(caller.session.ok_or(ApiError::Forbidden)?, now)?;
    }
    Ok(())
}

/// Has callers show the current password before they change what they sign in with themselves.
async fn confirm(
    state: &UsersState,
    caller: &Changer,
    user: &User,
    patch: &UserPatch,
    circumstances: &Circumstances,
) -> Result<Option<Confirmation>, ApiError> {
    if user.id != caller.user.id || !patch.changes_sign_in() {
        return Ok(None);
    }
    match &patch.current_password {
        Some(password) => {
            state.confirm(caller, &circumstances.client, password.clone(), "current_password").await.map(Some)
        }
        None if circumstances.hardened.0 => {
            Err(ApiError::Invalid(vec![Fault::missing(&["body", "current_password"], Input::Null)]))
        }
        None => Ok(None),
    }
}
