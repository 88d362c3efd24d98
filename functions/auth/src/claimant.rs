//! Who asks for a token, as an argument type of handlers. A claimant (NIST SP 800-63's word) is somebody whose identity
//! has not been verified yet: what that takes is read side by side with the count of the request, as other callers are.

use std::sync::Arc;

use futures_util::future::try_join;
use jiff::Timestamp;
use peregrine_core::lockout::Contender;
use peregrine_core::session::{RefreshToken, Session};
use peregrine_core::token::Signer;
use peregrine_core::user::{UniqueName, User};
use peregrine_http::caller::Credential;
use peregrine_http::client::Client;
use peregrine_http::error::ApiError;
use peregrine_http::parts::Form;
use peregrine_http::request::{Caller, Part, Received};
use uuid::Uuid;

use crate::AuthState;
use crate::token_request::{PasswordGrant, RefreshGrant, TokenRequest};

/// Who asks for a token, by either grant; on the heap, for a handler's future has to have room for it. Its handler
/// takes the same form as a part: that has the body read, and the faults reported.
pub(crate) enum Claimant {
    /// Somebody who signs in.
    Password(Box<PasswordClaimant>),
    /// Somebody who goes on with a session.
    Refresh(Box<RefreshClaimant>),
}

/// Somebody who shows a name and a password, and comes from an address that need not wait.
pub(crate) struct PasswordClaimant {
    /// What is shown.
    pub(crate) grant: PasswordGrant,
    /// What their attempts are counted by: the name.
    pub(crate) typed: Contender,
    /// Whose name it is, if anybody's.
    pub(crate) user_id: Option<Uuid>,
    /// What mints tokens at that time.
    pub(crate) signer: Arc<Signer>,
    /// When they asked.
    pub(crate) now: Timestamp,
}

/// Somebody who shows a refresh token of ours. Its handler takes the form, too, as for [`Claimant`].
pub(crate) struct RefreshClaimant {
    /// What is shown.
    pub(crate) grant: RefreshGrant,
    /// What its refresh token says.
    pub(crate) token: RefreshToken,
    /// The token's user and session, if both are still there.
    pub(crate) found: Option<(User, Session)>,
    /// What mints tokens at that time.
    pub(crate) signer: Arc<Signer>,
    /// When they asked.
    pub(crate) now: Timestamp,
}

impl Caller<AuthState> for Claimant {
    /// Claims are public: a faulty one is refused before anything is counted or read.
    async fn credential(_: &Received, _: &AuthState) -> Result<Option<Credential>, ApiError> {
        Ok(None)
    }

    async fn identify(_: Option<Credential>, received: &Received, state: &AuthState) -> Result<Self, ApiError> {
        match part(received)? {
            Form(TokenRequest::Password(grant)) => {
                let claimant = state.claim_by_password(grant, part(received)?).await?;
                Ok(Self::Password(Box::new(claimant)))
            }
            Form(TokenRequest::Refresh(grant)) => {
                let claimant = state.claim_by_refresh_token(grant).await?;
                Ok(Self::Refresh(Box::new(claimant)))
            }
        }
    }
}

impl Caller<AuthState> for RefreshClaimant {
    /// As for [`Claimant`].
    async fn credential(_: &Received, _: &AuthState) -> Result<Option<Credential>, ApiError> {
        Ok(None)
    }

    async fn identify(_: Option<Credential>, received: &Received, state: &AuthState) -> Result<Self, ApiError> {
        let Form(grant) = part(received)?;
        state.claim_by_refresh_token(grant).await
    }
}

impl AuthState {
    /// Makes the same calls whether or not somebody has the name.
    ///
    /// # Errors
    /// 429 if the address has to wait.
    async fn claim_by_password(&self, grant: PasswordGrant, client: Client) -> Result<PasswordClaimant, ApiError> {
        let (name, now) = (UniqueName::of(&grant.username), self.clock.now());
        let address = Contender::Address(client.address);
        let (user_id, signer) = try_join(
            async { Ok(self.users.id_for_sign_in(&name, &self.attempts, &address, now).await?) },
            self.signing.signer(now),
        )
        .await?;
        Ok(PasswordClaimant { grant, typed: Contender::Name(name), user_id, signer, now })
    }

    /// # Errors
    /// 400 if the token is none of ours.
    async fn claim_by_refresh_token(&self, grant: RefreshGrant) -> Result<RefreshClaimant, ApiError> {
        let token = self.refresh_tokens.open(&grant.refresh_token).map_err(|_| ApiError::UnusableRefreshToken)?;
        let now = self.clock.now();
        let found = self.find_session(token.user_id, token.session_id);
        let (found, signer) = try_join(found, self.signing.signer(now)).await?;
        Ok(RefreshClaimant { grant, token, found, signer, now })
    }

    /// A session and its user, if both are still there.
    ///
    /// # Errors
    /// 5xx if they can't be read.
    pub(crate) async fn find_session(&self, user_id: Uuid, id: Uuid) -> Result<Option<(User, Session)>, ApiError> {
        let (user, session) = try_join(self.users.find(user_id), self.sessions.find(user_id, id)).await?;
        Ok(user.zip(session))
    }
}

/// A part of a request. Where a handler takes it too, faults have ended the request before.
fn part<P: Part>(received: &Received) -> Result<P, ApiError> {
    let mut faults = Vec::new();
    let read = P::read(received, &mut faults);
    read.ok_or(ApiError::Invalid(faults))
}
