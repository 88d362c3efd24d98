use axum::extract::State;
use jiff::SignedDuration;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::table::Also;
use peregrine_core::token::LIFETIME_SECONDS;
use peregrine_core::user::User;
use peregrine_core::validation::Validate;
use peregrine_http::caller::{Interactive, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::AuthState;
use crate::change_user::UserChange;

/// How much longer than its tokens an ended session is remembered, for functions whose clocks are behind.
const SLACK_SECONDS: i64 = 60;

const NOT_FOUND: ApiError = ApiError::NotFound("Session not found");

/// The session that a path names.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Path)]
pub(crate) struct SessionPath {
    /// The session's id.
    session_id: Uuid,
}

/// End one of the caller's sessions.
///
/// Its tokens are accepted no more from then on. Where sign-in is hardened, the caller's own sign-in must not be older
/// than 15 minutes; `POST /api/v1/token/revoke` ends the caller's own session without that.
#[utoipa::path(
    delete,
    path = "/api/v1/users/me/sessions/{session_id}",
    tag = "auth",
    params(SessionPath),
    security(("session" = ["users:write"])),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn end_session(
    State(state): State<AuthState>,
    Valid(caller, (Path(path), client)): Valid<Interactive<Scoped<UsersWrite>>, (Path<SessionPath>, Client)>,
) -> Result<NoContent, ApiError> {
    let now = state.clock.now();
    let user = caller.user();
    // A query by the owner: another user's session does not exist here.
    let session = state.sessions.find(user.id, path.session_id).await?;
    session.filter(|session| session.is_live(user, now)).ok_or(NOT_FOUND)?;
    let event = AuditEvent::new(AuditAction::SessionEnded, user.id, client.address, now, &state.random)
        .about(path.session_id.to_string());
    state.end_session(user.clone(), path.session_id, Also::nothing().and(state.audit.record(&event))).await?;
    Ok(NoContent)
}

impl AuthState {
    /// Ends a session of the user's, if it goes on: its tokens are refused from now on, and it is forgotten.
    ///
    /// # Errors
    /// 409 if the user keeps being changed by others.
    pub(crate) async fn end_session(&self, user: User, id: Uuid, also: Also<'_>) -> Result<(), ApiError> {
        let also = also.and(self.sessions.removal(user.id, id));
        let change = |user: &User| {
            if user.ended_sessions.contains_key(&id) {
                return Ok(None);
            }
            let now = self.clock.now();
            let tokens_until = now.saturating_add(SignedDuration::from_secs(LIFETIME_SECONDS + SLACK_SECONDS));
            let ended = user.with_session_ended(id, tokens_until.unwrap_or(now), now);
            Ok(Some(UserChange::to(ended, also.clone())))
        };
        // Whoever is gone meanwhile has no session either.
        self.change_user(user, change).await.map(|_| ())
    }
}
