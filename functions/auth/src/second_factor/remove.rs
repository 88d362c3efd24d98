use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::mail::Notice;
use peregrine_core::table::Also;
use peregrine_core::user::User;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::caller::{Admin, Interactive, Scoped};
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;
use peregrine_http::user_path::{USER_NOT_FOUND, UserPath};

use super::NOT_SET_UP;
use crate::AuthState;
use crate::change_user::UserChange;

/// Remove a user's second factor.
///
/// For admins, and for users who have lost both device and recovery codes: make sure that it is they who ask. All their
/// sessions end, they sign in by password alone, and a mail tells them.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{user_id}/totp",
    tag = "auth",
    params(UserPath),
    security(("session" = ["admin"])),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn remove_totp(
    State(state): State<AuthState>,
    Valid(admin, (Path(path), client, BaseUrl(base_url))): Valid<
        Interactive<Scoped<Admin>>,
        (Path<UserPath>, Client, BaseUrl),
    >,
) -> Result<NoContent, ApiError> {
    let user = state.users.find(path.user_id).await?.ok_or(USER_NOT_FOUND)?;
    let (action, now) = (AuditAction::SecondFactorDisabled, state.clock.now());
    let event = AuditEvent::new(action, user.id, client.address, now, &state.random).by(Some(admin.user().id));
    let notice = state.notice(Notice::SecondFactorDisabled, &user, base_url);
    let also = Also::nothing().and(state.second_factors.removal_of(user.id)).and(state.audit.record(&event));
    let also = state.promising(also, notice.as_ref());
    let change = |user: &User| {
        if !user.has_second_factor {
            return Err(NOT_SET_UP);
        }
        Ok(Some(UserChange::to(user.with_second_factor(false), also.clone())))
    };
    state.change_user(user, change).await?.ok_or(USER_NOT_FOUND)?;
    Ok(NoContent)
}
