use peregrine_core::session::SessionRef;

use super::{Credential, Scoped, SelfOrAdmin};
use crate::error::ApiError;
use crate::request::{Caller, Received};

/// A caller who has signed in, however long ago, for what takes an account over or ends it: an API key is refused with
/// 403.
#[derive(Debug, Clone)]
pub struct BySession<C>(pub C);

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

impl<S: Sync, C: Caller<S> + MayHaveSession> Caller<S> for BySession<C> {
    async fn credential(received: &Received, state: &S) -> Result<Option<Credential>, ApiError> {
        C::credential(received, state).await
    }

    async fn identify(credential: Option<Credential>, received: &Received, state: &S) -> Result<Self, ApiError> {
        let caller = C::identify(credential, received, state).await?;
        if caller.session().is_some() { Ok(Self(caller)) } else { Err(ApiError::Forbidden) }
    }
}
