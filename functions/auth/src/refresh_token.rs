use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::mail::Notice;
use peregrine_core::session::{Refreshing, Session};
use peregrine_core::table::{Also, ConditionalWriteError};
use peregrine_core::user::User;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::client::{Client, Hardened};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Form;
use peregrine_http::race::Race;
use peregrine_http::request::Valid;

use crate::AuthState;
use crate::claimant::RefreshClaimant;
use crate::token::{Token, granted};
use crate::token_request::RefreshGrant;

/// What is asked. The form is here for its faults; the claimant has read it too.
type Asked = (Form<RefreshGrant>, Client, BaseUrl, Hardened);

/// Get the next access token.
///
/// The answer also has the next refresh token; the one that was sent is used up by it. Who sends it again within ten
/// seconds, because the answer got lost or two requests raced, gets the same successor. Who sends it later shows that
/// two have it, one of whom is a thief: the session ends, for both. Rights that the user has lost since the sign-in are
/// lost to the new token.
#[utoipa::path(
    post,
    path = "/api/v1/token/refresh",
    tag = "auth",
    request_body(content = RefreshGrant, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Token),
        (status = 400, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn refresh_token(
    State(state): State<AuthState>,
    Valid(claimant, (_, client, base_url, Hardened(hardened))): Valid<RefreshClaimant, Asked>,
) -> Result<Token, ApiError> {
    state.refresh(claimant, (&client, &base_url), hardened).await
}

impl AuthState {
    /// Goes on with a session.
    ///
    /// # Errors
    /// 400 if the session is over.
    pub(crate) async fn refresh(
        &self,
        claimant: RefreshClaimant,
        (client, base_url): (&Client, &BaseUrl),
        hardened: bool,
    ) -> Result<Token, ApiError> {
        let RefreshClaimant { grant, token, mut found, signer, now } = claimant;
        let mut race = Race::new("The session was changed by another request, please try again");
        loop {
            let (user, session) = found.ok_or(ApiError::UnusableRefreshToken)?;
            if !session.is_live(&user, now) {
                return Err(ApiError::UnusableRefreshToken);
            }
            let allowed = session.scopes.granted_by(&user.scopes);
            // It may have begun before sign-in was hardened.
            let allowed = if hardened { user.where_hardened(&allowed, session.has_second_factor) } else { allowed };
            // Before anything is used up.
            let scopes = granted(allowed, &grant.scope)?;
            let session = match session.judge(token.generation, now) {
                Refreshing::Repeat => session,
                Refreshing::Rotate => match self.sessions.rotate(&session, now).await {
                    Ok(rotated) => rotated,
                    Err(ConditionalWriteError::Outdated) => {
                        race.lost()?;
                        found = self.find_session(token.user_id, token.session_id).await?;
                        continue;
                    }
                    Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
                },
                Refreshing::Reused => return Err(self.end_reused(user, &session, client, base_url).await?),
            };
            return Token::of(&session, &scopes, self, &signer, now);
        }
    }

    /// Ends a session whose refresh token somebody has used who must not have it, and is the answer to them.
    async fn end_reused(
        &self,
        user: User,
        session: &Session,
        client: &Client,
        base_url: &BaseUrl,
    ) -> Result<ApiError, ApiError> {
        let (user_id, now) = (user.id, self.clock.now());
        tracing::warn!(%user_id, session_id = %session.id, "a refresh token was used twice; its session ends");
        let event = AuditEvent::new(AuditAction::RefreshTokenReused, user_id, client.address, now, &self.random)
            .by(None)
            .about(session.id.to_string());
        let notice = self.notice(Notice::RefreshTokenReused, &user, base_url.0.clone());
        let also = self.promising(Also::nothing().and(self.audit.record(&event)), notice.as_ref());
        self.end_session(user, session.id, also).await?;
        Ok(ApiError::UnusableRefreshToken)
    }
}
