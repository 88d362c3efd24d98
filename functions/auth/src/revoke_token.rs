use axum::Json;
use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::validation::Validate;
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Form;
use peregrine_http::request::{Anyone, Valid};
use peregrine_http::web_page::Message;
use secrecy::SecretString;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::AuthState;

/// The form of a revocation (RFC 7009 section 2.1).
#[derive(Debug, ToSchema, Validate)]
pub(crate) struct Revocation {
    /// The refresh token or access token that is to be good for nothing.
    #[schema(
        value_type = String,
        example = "AQGY88QSq30Qnz5rWkw9Lh8BmPPEEqt9EJ8-a1pMPS4fAAAAAMbl0eXBlIG9mIGEgTUFDIG92ZXIgYWxsIG9mIHRoYXQ"
    )]
    token: SecretString,
    /// Accepted and not needed: tokens tell by themselves what they are.
    #[schema(example = "refresh_token")]
    #[expect(dead_code, reason = "validated and documented, not used")]
    token_type_hint: Option<String>,
}

/// Sign out.
///
/// Ends the session that the token belongs to, a refresh token's as well as an access token's, with all its other tokens, at
/// once (RFC 7009). The answer is the same for a token that is none, or that was good for nothing before.
#[utoipa::path(
    post,
    path = "/api/v1/token/revoke",
    tag = "auth",
    request_body(content = Revocation, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Message),
        (status = 400, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn revoke_token(
    State(state): State<AuthState>,
    Valid(_, (Form(revocation), client)): Valid<Anyone, (Form<Revocation>, Client)>,
) -> Result<Json<Message>, ApiError> {
    if let Some((user_id, session_id)) = state.session_of(&revocation.token).await?
        && let Some(user) = state.users.find(user_id).await?
    {
        let event =
            AuditEvent::new(AuditAction::SessionEnded, user_id, client.address, state.clock.now(), &state.random)
                .about(session_id.to_string());
        state.end_session(user, session_id, &event).await?;
    }
    Ok(Json(Message { message: "The token is good for nothing now." }))
}

impl AuthState {
    /// The user and the session that a token belongs to.
    async fn session_of(&self, token: &SecretString) -> Result<Option<(Uuid, Uuid)>, ApiError> {
        if let Ok(token) = self.refresh_tokens.open(token) {
            return Ok(Some((token.user_id, token.session_id)));
        }
        let token = self.authenticator.verify(token).await?;
        Ok(token.map(|token| (token.user_id, token.session.id)))
    }
}
