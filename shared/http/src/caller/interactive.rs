use std::time::Duration;

use jiff::Timestamp;
use peregrine_core::job::later;
use peregrine_core::scope::Scopes;
use peregrine_core::session::SessionRef;
use peregrine_core::user::User;

use super::{Authenticator, Credential, Scoped, SelfOrAdmin};
use crate::error::ApiError;
use crate::request::{Caller, Received};

/// How long ago a sign-in may be for what takes a recent one, where sign-in is hardened.
pub(crate) const LONGEST_AGO: Duration = Duration::from_mins(15);

/// A caller who has signed in themselves, for whatever changes how somebody signs in, or ends an account: an API key is
/// refused with 403, or who has one could get all the others. Where sign-in is hardened, the sign-in must also have
/// been recent (OWASP ASVS 7.5.1); else the answer is 401 and says so (RFC 9470).
#[derive(Debug, Clone)]
pub struct Interactive<C> {
    /// The user and what they may do.
    pub caller: C,
    /// The session that they have signed in to.
    pub session: SessionRef,
}

/// A caller of whom it is known whether they have signed in.
pub trait MayHaveSession {
    /// The session that the access token belongs to; an API key has none.
    fn session(&self) -> Option<SessionRef>;
}

impl<R, P> MayHaveSession for Scoped<R, P> {
    fn session(&self) -> Option<SessionRef> {
        self.session
    }
}

impl<R, P> MayHaveSession for SelfOrAdmin<R, P> {
    fn session(&self) -> Option<SessionRef> {
        self.0.session
    }
}

/// Sees to it that the sign-in that began a session is recent enough to change how somebody signs in, or to end an
/// account, where sign-in is hardened.
///
/// # Errors
/// 401 if it isn't.
pub fn ensure_recent(session: SessionRef, now: Timestamp) -> Result<(), ApiError> {
    if now <= later(session.began_at(), LONGEST_AGO) { Ok(()) } else { Err(ApiError::SignInTooOld) }
}

impl<R, P> Interactive<Scoped<R, P>> {
    /// The user, as stored now.
    pub fn user(&self) -> &User {
        &self.caller.user
    }

    /// What the access token allows of what the user may do.
    pub fn scopes(&self) -> &Scopes {
        &self.caller.scopes
    }
}

impl<S: AsRef<Authenticator> + Sync, C: Caller<S> + MayHaveSession> Caller<S> for Interactive<C> {
    async fn credential(received: &Received, state: &S) -> Result<Option<Credential>, ApiError> {
        C::credential(received, state).await
    }

    async fn identify(credential: Option<Credential>, received: &Received, state: &S) -> Result<Self, ApiError> {
        let caller = C::identify(credential, received, state).await?;
        let session = caller.session().ok_or(ApiError::Forbidden)?;
        if received.exchange.hardened() {
            ensure_recent(session, state.as_ref().now())?;
        }
        Ok(Self { caller, session })
    }
}
