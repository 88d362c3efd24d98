//! Links from mails that are good for one use.

use peregrine_core::email::Email;
use peregrine_core::mail::links::LinkError;
use peregrine_core::one_time::{OneTimeToken, Purpose, StoredToken};
use peregrine_core::table::Write;
use peregrine_core::user::User;
use peregrine_http::error::ApiError;
use secrecy::SecretString;

use crate::AuthState;

/// A link that somebody has followed, and that is good.
pub(crate) struct FollowedLink {
    token: OneTimeToken,
    stored: StoredToken,
}

impl FollowedLink {
    /// Whether it was sent to this address.
    pub(crate) fn is_for(&self, address: &Email) -> bool {
        self.stored.is_for(&self.token, address)
    }

    /// Checks that its user may still use it. Whether they have the address that it was sent to, or wait for it to be
    /// confirmed, is for [`FollowedLink::is_for`] to say.
    ///
    /// # Errors
    /// 400 if the user is inactive.
    pub(crate) fn check_user(&self, user: &User) -> Result<(), ApiError> {
        let may_use_it = user.id == self.token.user_id() && user.is_active;
        if may_use_it { Ok(()) } else { Err(LinkError::Gone.into()) }
    }

    /// Checks that its user may still use it and has the address that it was sent to.
    ///
    /// # Errors
    /// 400 if the user is inactive or has given the address up.
    pub(crate) fn check_owner(&self, user: &User) -> Result<(), ApiError> {
        self.check_user(user)?;
        if self.is_for(&user.email) { Ok(()) } else { Err(LinkError::Gone.into()) }
    }
}

impl AuthState {
    /// The link that holds this token. To look costs one read and uses nothing up.
    ///
    /// # Errors
    /// 400 for a link that has expired, was used, or was never made: nothing tells the last two apart.
    pub(crate) async fn follow(&self, purpose: Purpose, token: &SecretString) -> Result<FollowedLink, ApiError> {
        let token = OneTimeToken::parse(purpose, token)?;
        let stored = self.one_time_tokens.find(&token).await?.ok_or(LinkError::Gone)?;
        stored.check(&token, self.clock.now())?;
        Ok(FollowedLink { token, stored })
    }

    /// Whom the link was made for, as stored now.
    ///
    /// # Errors
    /// 400 if the user is gone.
    pub(crate) async fn user_of(&self, link: &FollowedLink) -> Result<User, ApiError> {
        self.users.find(link.token.user_id()).await?.ok_or(ApiError::UnusableLink(LinkError::Gone))
    }

    /// Uses the link up, in the transaction of what it is good for.
    pub(crate) fn use_up(&self, link: &FollowedLink) -> Write {
        self.one_time_tokens.consumption(&link.token, self.clock.now())
    }
}
