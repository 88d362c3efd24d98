use axum::Json;
use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::table::Also;
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
    /// The refresh token, access token or API key that is to be good for nothing.
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
/// Ends the session that the token belongs to, a refresh token's as well as an access token's, with all its other
/// tokens, at once (RFC 7009); an API key is deleted. The answer is the same for a token that is none, or that was good
/// for nothing before.
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
    match state.revocable(&revocation.token).await? {
        Some(Revocable::Session { user_id, id }) => {
            let now = state.clock.now();
            if let Some((user, session)) = state.find_session(user_id, id).await?
                && session.is_live(&user, now)
            {
                let event = state.event(AuditAction::SessionEnded, user_id, id, &client);
                state.end_session(user, id, Also::nothing().and(state.audit.record(&event))).await?;
            }
        }
        Some(Revocable::ApiKey { user_id, id }) => {
            let event = state.event(AuditAction::ApiKeyDeleted, user_id, id, &client);
            // Somebody else may have deleted it, which is as good.
            let _was_there =
                state.api_keys.delete(user_id, id, &Also::nothing().and(state.audit.record(&event))).await?;
        }
        None => {}
    }
    Ok(Json(Message { message: "The token is good for nothing now." }))
}

/// What a token stands for.
enum Revocable {
    Session { user_id: Uuid, id: Uuid },
    ApiKey { user_id: Uuid, id: Uuid },
}

impl AuthState {
    /// What there is to end.
    async fn revocable(&self, token: &SecretString) -> Result<Option<Revocable>, ApiError> {
        if let Ok(token) = self.refresh_tokens.open(token) {
            return Ok(Some(Revocable::Session { user_id: token.user_id, id: token.session_id }));
        }
        if let Ok(key) = self.api_key_texts.open(token) {
            return Ok(Some(Revocable::ApiKey { user_id: key.user_id, id: key.id }));
        }
        let token = self.authenticator.verify(token).await?;
        Ok(token.map(|token| Revocable::Session { user_id: token.user_id, id: token.session.id }))
    }

    fn event(&self, action: AuditAction, user_id: Uuid, id: Uuid, client: &Client) -> AuditEvent {
        AuditEvent::new(action, user_id, client.address, self.clock.now(), &self.random).about(id.to_string())
    }
}
