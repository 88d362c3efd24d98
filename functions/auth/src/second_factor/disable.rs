use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::mail::Notice;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::caller::{Interactive, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Body;
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;

use super::{NOT_SET_UP, SecondFactorProof};
use crate::AuthState;

/// Remove the second factor.
///
/// Takes a code of the device, or a recovery code. All sessions end, the caller's too; please sign in again. Wrong
/// codes are counted, and whoever has sent too many has to wait (429).
#[utoipa::path(
    post,
    path = "/api/v1/users/me/totp/disable",
    tag = "auth",
    request_body = SecondFactorProof,
    security(("session" = ["users:write"])),
    responses(
        (status = 204),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn disable_totp(
    State(state): State<AuthState>,
    Valid(caller, (client, BaseUrl(base_url), Body(proof))): Valid<
        Interactive<Scoped<UsersWrite>>,
        (Client, BaseUrl, Body<SecondFactorProof>),
    >,
) -> Result<NoContent, ApiError> {
    let user = caller.user();
    if !user.has_second_factor {
        return Err(NOT_SET_UP);
    }
    let (code, also) = state.right_code(user, &client, &proof).await?;
    let (action, now) = (AuditAction::SecondFactorDisabled, state.clock.now());
    let event = AuditEvent::new(action, user.id, client.address, now, &state.random).about(code.kind().as_str());
    let notice = state.notice(Notice::SecondFactorDisabled, user, base_url);
    let also = also.and(state.second_factors.removal(&code)).and(state.audit.record(&event));
    let also = state.promising(also, notice.as_ref());
    state.set_second_factor(&caller, false, &also).await?;
    Ok(NoContent)
}
