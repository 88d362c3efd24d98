use axum::Json;
use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::mail::Notice;
use peregrine_core::table::{Also, SetupCode};
use peregrine_core::totp::RecoveryCodes;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::caller::{Interactive, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Body;
use peregrine_http::request::Valid;

use super::{SET_UP, SecondFactorProof, wrong_code};
use crate::AuthState;

/// Confirm the second factor that was begun.
///
/// From then on a sign-in takes a code besides the password. The answer shows ten recovery codes, this once: each is
/// good for one sign-in without the device. All sessions end, the caller's too; please sign in again.
#[utoipa::path(
    post,
    path = "/api/v1/users/me/totp/confirm",
    tag = "auth",
    request_body = SecondFactorProof,
    security(("session" = ["users:write"])),
    responses(
        (status = 200, body = RecoveryCodes),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn confirm_totp(
    State(state): State<AuthState>,
    Valid(caller, (client, BaseUrl(base_url), Body(proof))): Valid<
        Interactive<Scoped<UsersWrite>>,
        (Client, BaseUrl, Body<SecondFactorProof>),
    >,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let (user, now) = (caller.user(), state.clock.now());
    if user.has_second_factor {
        return Err(SET_UP);
    }
    // Not counted as an attempt: the caller was shown what the code is made from, so there is nothing to guess.
    let code = match state.second_factors.judge_setup(user.id, &proof.otp, now).await? {
        SetupCode::NoSetup => return Err(ApiError::Conflict("No second factor is being set up")),
        SetupCode::Wrong => return Err(wrong_code()),
        SetupCode::Right(code) => code,
    };
    let codes = state.new_recovery_codes();
    let event = AuditEvent::new(AuditAction::SecondFactorEnabled, user.id, client.address, now, &state.random);
    let confirmation = state.second_factors.confirmation(&code, &codes, now);
    let notice = state.notice(Notice::SecondFactorEnabled, user, base_url);
    let also = Also::nothing().and(confirmation).and(state.audit.record(&event));
    let also = state.promising(also, notice.as_ref());
    state.set_second_factor(&caller, true, &also).await?;
    Ok(Json(RecoveryCodes::new(&codes)))
}
