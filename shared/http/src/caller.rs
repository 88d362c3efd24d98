//! Who calls, as argument types of handlers: [`ActiveUser`], [`Scoped`], [`SelfOrAdmin`] and [`Interactive`]; `Option`
//! of them where nobody need be known.

mod interactive;
mod presented;
mod projection;
mod scoped;
mod where_hardened;

use std::future::ready;

use axum::http::header::AUTHORIZATION;
use jiff::Timestamp;
use peregrine_core::api_key::{ApiKeyTexts, PresentedApiKey};
use peregrine_core::clock::Clock;
use peregrine_core::scope::{Scope, Scopes};
use peregrine_core::session::SessionRef;
use peregrine_core::settings::Environment;
use peregrine_core::table::{ApiKeys, Client, Keys, RateLimiter, Users};
use peregrine_core::token::{AccessToken, Verifier, key_id};
use peregrine_core::user::User;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::counting::count_lookup;
use crate::error::ApiError;
use crate::known_keys::KnownKeys;
use crate::layers::X_API_KEY;
use crate::request::{Caller, Received};

use self::presented::Presented;

pub use interactive::{Interactive, ensure_recent};
pub use projection::{PasswordHash, Projection};
pub use scoped::{Admin, ItemsWrite, NotificationsSend, RequiredScope, Scoped, SelfOrAdmin, UsersRead, UsersWrite};
pub use where_hardened::WhereHardened;

const NOT_AUTHENTICATED: ApiError = ApiError::Unauthenticated("Not authenticated");
/// The answer to a credential that is not accepted, or no longer, in FastAPI's words.
pub const REFUSED: ApiError = ApiError::Unauthenticated("Could not validate credentials");

/// Finds out whom a bearer token or an API key belongs to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator {
    verifier: Verifier,
    keys: KnownKeys,
    api_keys: ApiKeys,
    api_key_texts: ApiKeyTexts,
    users: Users,
    limiter: RateLimiter,
    clock: Clock,
}

impl Authenticator {
    /// An authenticator of the tokens that `verifier` knows and of the API keys that `api_keys` reads, with the keys
    /// and users in these tables.
    pub fn new(
        (verifier, keys): (Verifier, Keys),
        (api_key_texts, api_keys): (ApiKeyTexts, ApiKeys),
        users: Users,
        limiter: RateLimiter,
        clock: Clock,
    ) -> Self {
        Self { verifier, keys: KnownKeys::new(keys), api_keys, api_key_texts, users, limiter, clock }
    }

    /// An authenticator as `TOKEN_ISSUER`, `KEYS_TABLE`, `CREDENTIALS_TABLE` and `SEAL_SECRET` say.
    pub fn from_env(
        environment: &mut Environment,
        client: Client,
        users: Users,
        limiter: RateLimiter,
        clock: Clock,
    ) -> Self {
        let verifier = Verifier::new(&environment.text("TOKEN_ISSUER"));
        let keys = Keys::new(client.clone(), environment.text("KEYS_TABLE"));
        let api_key_texts = ApiKeyTexts::new(&environment.secret("SEAL_SECRET", 32));
        let api_keys = ApiKeys::new(client, environment.text("CREDENTIALS_TABLE"));
        Self::new((verifier, keys), (api_key_texts, api_keys), users, limiter, clock)
    }

    /// The credential that the request carries, verified as far as that goes without asking for the user.
    ///
    /// # Errors
    /// 401, in FastAPI's words.
    async fn verified(&self, received: &Received) -> Result<Credential, ApiError> {
        match Presented::of(received)? {
            Presented::ApiKey(text) => self.api_key_texts.open(&text).map(Credential::ApiKey).map_err(|_| REFUSED),
            Presented::Token(token) => self.verified_token(&token, received).await.map(Credential::AccessToken),
        }
    }

    async fn verified_token(&self, token: &str, received: &Received) -> Result<AccessToken, ApiError> {
        let id = key_id(token).map_err(|_| REFUSED)?;
        let now = self.clock.now();
        // Whoever names a key that is not known pays with a read.
        let counted = count_lookup(&received.exchange, &self.limiter);
        let key = self.keys.find(id, now, counted).await?.ok_or(REFUSED)?;
        self.verifier.verify(token, &key, now).map_err(|_| REFUSED)
    }

    /// What an access token says that was not sent to show who is calling, by a request that is counted anyway. `None`
    /// if it is not valid.
    ///
    /// # Errors
    /// 5xx if the keys can't be read.
    pub async fn verify(&self, token: &SecretString) -> Result<Option<AccessToken>, ApiError> {
        let token = token.expose_secret();
        let Ok(id) = key_id(token) else { return Ok(None) };
        let now = self.clock.now();
        let Some(key) = self.keys.find(id, now, ready(Ok(()))).await? else { return Ok(None) };
        Ok(self.verifier.verify(token, &key, now).ok())
    }

    /// The user whom a credential belongs to, read anew, so that a deactivation or an ended session bites at once.
    ///
    /// # Errors
    /// 401, in FastAPI's words.
    async fn user_of<P: Projection>(
        &self,
        credential: Credential,
        received: &Received,
    ) -> Result<ActiveUser<P>, ApiError> {
        // Rights that the user has lost since a token was minted, or a key created, are lost to them too.
        match credential {
            Credential::AccessToken(token) => {
                let found = P::find(&self.users, token.user_id).await?;
                let (user, projection) = found.filter(|(user, _)| user.accepts(token.session)).ok_or(REFUSED)?;
                let scopes = token.scopes.granted_by(&user.scopes);
                Ok(ActiveUser { scopes, user, session: Some(token.session), projection })
            }
            Credential::ApiKey(presented) => {
                // Side by side, so that a key takes no longer than a token.
                let (key, found) =
                    futures_util::try_join!(self.api_keys.find(&presented), P::find(&self.users, presented.user_id))?;
                let (user, projection) = found.filter(|(user, _)| user.is_active).ok_or(REFUSED)?;
                let key = key.filter(|key| key.is_live(user.api_key_epoch, self.clock.now())).ok_or(REFUSED)?;
                // Where an admin's sign-in takes a second factor, what a key can do must not outlive it.
                let scopes = if received.exchange.hardened() {
                    key.scopes.granted_by(&user.where_hardened(&user.scopes, user.has_second_factor))
                } else {
                    key.scopes.granted_by(&user.scopes)
                };
                Ok(ActiveUser { user, scopes, session: None, projection })
            }
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// By what a caller shows who they are.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An access token, whose signature and times are right.
    AccessToken(AccessToken),
    /// An API key that was made here. Whether it is still accepted has not been asked.
    ApiKey(PresentedApiKey),
}

impl Credential {
    /// Whose it is.
    pub fn user_id(&self) -> Uuid {
        match self {
            Self::AccessToken(token) => token.user_id,
            Self::ApiKey(key) => key.user_id,
        }
    }
}

/// A user who is known and whose account is active.
#[derive(Debug, Clone)]
pub struct ActiveUser<P = ()> {
    /// The user, as stored now.
    pub user: User,
    /// What the credential allows of what the user may do.
    pub scopes: Scopes,
    /// The session that the access token belongs to; an API key has none.
    pub session: Option<SessionRef>,
    /// What has been read of the user's row besides.
    pub projection: P,
}

impl<P> ActiveUser<P> {
    /// Whether the token, and the user still, have the scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.allow(scope)
    }
}

impl<S: AsRef<Authenticator> + Sync, P: Projection> Caller<S> for ActiveUser<P> {
    async fn credential(received: &Received, state: &S) -> Result<Option<Credential>, ApiError> {
        state.as_ref().verified(received).await.map(Some)
    }

    async fn identify(credential: Option<Credential>, received: &Received, state: &S) -> Result<Self, ApiError> {
        let caller = state.as_ref().user_of(credential.ok_or(NOT_AUTHENTICATED)?, received).await?;
        received.exchange.note_user(caller.user.id);
        Ok(caller)
    }
}

/// For whoever may call without saying who they are: nobody, if the request carries no credential. One that is not
/// valid is refused all the same, so that nobody believes to be known who is not.
impl<S: AsRef<Authenticator> + Sync, C: Caller<S>> Caller<S> for Option<C> {
    async fn credential(received: &Received, state: &S) -> Result<Option<Credential>, ApiError> {
        let carries_one = [AUTHORIZATION, X_API_KEY].iter().any(|name| received.headers().contains_key(name));
        if carries_one { C::credential(received, state).await } else { Ok(None) }
    }

    async fn identify(credential: Option<Credential>, received: &Received, state: &S) -> Result<Self, ApiError> {
        match credential {
            Some(_) => C::identify(credential, received, state).await.map(Some),
            None => Ok(None),
        }
    }
}
