use axum::Json;
use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::totp::RecoveryCodes;
use peregrine_http::caller::{Interactive, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Body;
use peregrine_http::request::Valid;

use super::{NOT_SET_UP, SecondFactorProof, wrong_code};
use crate::AuthState;

/// Make new recovery codes.
///
/// They take the place of the old ones, and are shown this once. Takes a code of the device, or a recovery code. Wrong
/// codes are counted, and whoever has sent too many has to wait (429).
#[utoipa::path(
    post,
    path = "/api/v1/users/me/totp/recovery-codes",
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
pub(crate) async fn replace_recovery_codes(
    State(state): State<AuthState>,
    Valid(caller, (client, Body(proof))): Valid<Interactive<Scoped<UsersWrite>>, (Client, Body<SecondFactorProof>)>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let user = caller.user();
    if !user.has_second_factor {
        return Err(NOT_SET_UP);
    }
    let (code, also) = state.right_code(user, &client, &proof).await?;
    let codes = state.new_recovery_codes();
    let (action, now) = (AuditAction::RecoveryCodesReplaced, state.clock.now());
    let event = AuditEvent::new(action, user.id, client.address, now, &state.random).about(code.kind().as_str());
    let also = also.and(state.audit.record(&event));
    let is_done = state.second_factors.renew(&code, &codes, &also).await?;
    if is_done { Ok(Json(RecoveryCodes::new(&codes))) } else { Err(wrong_code()) }
}
