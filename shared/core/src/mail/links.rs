//! The links in mails. Those that do something once hold a token of [`one_time`](crate::one_time). That to unsubscribe
//! holds one that says by itself what it stands for, so that nothing is stored when a mail is sent.

use ring::hmac;
use secrecy::SecretString;

use crate::email::Email;
use crate::seal;

/// Where a link to confirm an address leads.
pub const VERIFY_EMAIL_PATH: &str = "/api/v1/verify-email";
/// Where a link to set a new password leads.
pub const RESET_PASSWORD_PATH: &str = "/api/v1/reset-password";
/// Where whoever has forgotten their password asks for such a link.
pub const FORGOT_PASSWORD_PATH: &str = "/api/v1/forgot-password";
/// Where people sign in.
pub const LOGIN_PATH: &str = "/api/v1/login";
/// Where a link to unsubscribe leads.
pub const UNSUBSCRIBE_PATH: &str = "/api/v1/unsubscribe";

/// Makes the tokens in mails, and opens them again.
#[derive(Debug, Clone)]
pub struct MailLinks {
    unsubscribe: hmac::Key,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It was not made here, not for this purpose, or it was changed.
    #[error("the link is not valid")]
    Invalid,
    /// It is none that is waited for: it has been used, a newer one has taken its place, or it was never made.
    #[error("the link is not valid any more")]
    Gone,
    /// It was good once.
    #[error("the link has expired")]
    Expired,
}

impl MailLinks {
    /// Links that a key derived from `secret` authenticates.
    pub fn new(secret: &SecretString) -> Self {
        Self { unsubscribe: seal::key_for("mail unsubscription", secret) }
    }

    /// The token by which the owner of an address asks for no more mail. It never expires: an old mail's link must work
    /// too. The address can be read in it, by who has the mail anyway, so that nothing need be stored about it.
    pub fn unsubscribe(&self, email: &Email) -> String {
        seal::seal(&self.unsubscribe, &[email.as_str().as_bytes()])
    }

    /// The address that a token of [`MailLinks::unsubscribe`] stands for.
    ///
    /// # Errors
    /// [`LinkError::Invalid`].
    pub fn open_unsubscribe(&self, token: &str) -> Result<Email, LinkError> {
        let address = seal::open(&self.unsubscribe, token).ok_or(LinkError::Invalid)?;
        String::from_utf8(address).map(Email::from_stored).map_err(|_| LinkError::Invalid)
    }
}

#[cfg(test)]
mod tests;
