use std::marker::PhantomData;

use peregrine_core::scope::{Scope, Scopes};
use peregrine_core::session::SessionRef;
use peregrine_core::user::User;
use uuid::Uuid;

use super::{ActiveUser, Authenticator, Credential, Projection};
use crate::error::ApiError;
use crate::request::{Caller, Received};

/// A scope as a type, for [`Scoped`].
pub trait RequiredScope: Send {
    /// The scope that a caller must have.
    const SCOPE: Scope;
}

macro_rules! required_scopes {
    ($($name:ident),+) => {$(
        #[doc = concat!("Asks for [`Scope::", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl RequiredScope for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )+};
}

required_scopes!(UsersRead, UsersWrite, ItemsWrite, NotificationsSend, Admin);

/// An active user who has a scope; others get 403.
#[derive(Debug, Clone)]
pub struct Scoped<R, P = ()> {
    /// The user, as stored now.
    pub user: User,
    /// What the credential allows of what the user may do.
    pub scopes: Scopes,
    /// The session that the access token belongs to; an API key has none.
    pub session: Option<SessionRef>,
    /// What has been read of the user's row besides.
    pub projection: P,
    is_admin: bool,
    scope: PhantomData<R>,
}

impl<R, P> Scoped<R, P> {
    /// Whether the caller may do everything with everybody's things.
    pub fn is_admin(&self) -> bool {
        self.is_admin
    }
}

impl<S: AsRef<Authenticator> + Sync, R: RequiredScope, P: Projection> Caller<S> for Scoped<R, P> {
    async fn credential(received: &Received, state: &S) -> Result<Option<Credential>, ApiError> {
        ActiveUser::<P>::credential(received, state).await
    }

    async fn identify(credential: Option<Credential>, received: &Received, state: &S) -> Result<Self, ApiError> {
        let caller = ActiveUser::<P>::identify(credential, received, state).await?;
        if !caller.may(R::SCOPE) {
            return Err(ApiError::Forbidden);
        }
        let is_admin = caller.may(Scope::Admin);
        let ActiveUser { user, scopes, session, projection } = caller;
        Ok(Self { user, scopes, session, projection, is_admin, scope: PhantomData })
    }
}

/// The user that the path's `user_id` names, or an admin. Whoever names another user is refused before the rest of the
/// request is looked at; a `user_id` that is none is left to the validation of the path.
#[derive(Debug, Clone)]
pub struct SelfOrAdmin<R, P = ()>(pub Scoped<R, P>);

impl<S: AsRef<Authenticator> + Sync, R: RequiredScope, P: Projection> Caller<S> for SelfOrAdmin<R, P> {
    async fn credential(received: &Received, state: &S) -> Result<Option<Credential>, ApiError> {
        ActiveUser::<P>::credential(received, state).await
    }

    async fn identify(credential: Option<Credential>, received: &Received, state: &S) -> Result<Self, ApiError> {
        let caller = Scoped::<R, P>::identify(credential, received, state).await?;
        let named = received.path_parameter("user_id").and_then(|id| Uuid::parse_str(id).ok());
        match named {
            Some(id) if id != caller.user.id && !caller.is_admin => Err(ApiError::Forbidden),
            _ => Ok(Self(caller)),
        }
    }
}
