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

    /// Whom the link was made for, as stored now. Whether they have the address that it was sent to, or still wait for it to
    /// be confirmed, is for [`FollowedLink::is_for`] to say.
    ///
    /// # Errors
    /// 400 if the user is gone or inactive.
    pub(crate) async fn addressee_of(&self, link: &FollowedLink) -> Result<User, ApiError> {
        let user = self.users.find(link.token.user_id()).await?;
        user.filter(|user| user.is_active).ok_or(ApiError::UnusableLink(LinkError::Gone))
    }

    /// Whose link it is, as stored now.
    ///
    /// # Errors
    /// 400 if the user is gone or inactive, or has given the address up that the link was sent to.
    pub(crate) async fn owner_of(&self, link: &FollowedLink) -> Result<User, ApiError> {
        let user = self.addressee_of(link).await?;
        Some(user).filter(|user| link.is_for(&user.email)).ok_or(ApiError::UnusableLink(LinkError::Gone))
    }

    /// Uses the link up, in the transaction of what it is good for.
    pub(crate) fn use_up(&self, link: &FollowedLink) -> Write {
        self.one_time_tokens.consumption(&link.token, self.clock.now())
    }
}
