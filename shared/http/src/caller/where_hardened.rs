use super::Credential;
use crate::error::ApiError;
use crate::request::{Caller, Received};

/// Whoever may call without saying who they are, and is heard if they do only where sign-in is hardened. Elsewhere
/// nothing depends on it, and a credential that is no longer valid must not be in the way, as it isn't in FastAPI.
#[derive(Debug, Clone)]
pub struct WhereHardened<C>(pub Option<C>);

impl<S: Sync, C> Caller<S> for WhereHardened<C>
where
    Option<C>: Caller<S>,
    C: Send,
{
    async fn credential(received: &Received, state: &S) -> Result<Option<Credential>, ApiError> {
        if received.exchange.hardened() { Option::<C>::credential(received, state).await } else { Ok(None) }
    }

    async fn identify(credential: Option<Credential>, received: &Received, state: &S) -> Result<Self, ApiError> {
        if credential.is_none() {
            return Ok(Self(None));
        }
        Option::<C>::identify(credential, received, state).await.map(Self)
    }
}
