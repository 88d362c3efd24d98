//! The links in mails. Each holds a token that says by itself what it stands for, so that nothing is stored when a mail
//! is sent.
//!
//! A token is the URL-safe base64 of a version, what it says, and an HMAC over both with a key for this kind of link.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use secrecy::SecretString;
use uuid::Uuid;

use crate::email::Email;
use crate::seal;

/// Where a link to confirm an address leads.
pub const VERIFY_EMAIL_PATH: &str = "/api/v1/verify-email";
/// Where a link to unsubscribe leads.
pub const UNSUBSCRIBE_PATH: &str = "/api/v1/unsubscribe";
/// How long an address can be confirmed after the mail.
pub const VERIFICATION_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// The first byte of a token. Another number will mean another layout.
const VERSION: u8 = 1;

/// Makes the tokens in mails, and opens them again.
#[derive(Debug, Clone)]
pub struct MailLinks {
    verification: hmac::Key,
    verified_address: hmac::Key,
    unsubscribe: hmac::Key,
}

/// A token that confirms an address: whoever has it can read the mail that was sent there.
#[derive(Debug, Clone)]
pub struct Verification {
    /// Whose address it is.
    pub user_id: Uuid,
    address_tag: [u8; TAG_LENGTH],
    address_key: hmac::Key,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It was not made here, not for this purpose, or it was changed.
    #[error("the link is not valid")]
    Invalid,
    /// It was good once.
    #[error("the link has expired")]
    Expired,
}

/// Bytes of an HMAC with SHA-256.
const TAG_LENGTH: usize = 32;

impl MailLinks {
    /// Links that keys derived from `secret` authenticate.
    pub fn new(secret: &SecretString) -> Self {
        Self {
            verification: seal::key_for("mail verification", secret),
            verified_address: seal::key_for("mail verification address", secret),
            unsubscribe: seal::key_for("mail unsubscription", secret),
        }
    }

    /// The token by which the user confirms that this is their address, for [`VERIFICATION_LIFETIME`].
    pub fn verification(&self, user_id: Uuid, email: &Email, now: Timestamp) -> String {
        let expires_at = now.as_second().saturating_add(VERIFICATION_LIFETIME.as_secs());
        let address_tag = hmac::sign(&self.verified_address, &address_of(user_id, email));
        seal(&self.verification, &[user_id.as_bytes(), &expires_at.to_be_bytes(), address_tag.as_ref()])
    }

    /// What a token of [`MailLinks::verification`] says. It is authentic, so a forged one costs no look-up; whether the
    /// user still has the address that was written to is for [`Verification::is_for`] to say.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn open_verification(&self, token: &str, now: Timestamp) -> Result<Verification, LinkError> {
        let content = open(&self.verification, token)?;
        let (user_id, rest) = content.split_first_chunk().ok_or(LinkError::Invalid)?;
        let (expires_at, rest) = rest.split_first_chunk().ok_or(LinkError::Invalid)?;
        let address_tag = rest.try_into().map_err(|_| LinkError::Invalid)?;
        if now.as_second() >= i64::from_be_bytes(*expires_at) {
            return Err(LinkError::Expired);
        }
        let user_id = Uuid::from_bytes(*user_id);
        Ok(Verification { user_id, address_tag, address_key: self.verified_address.clone() })
    }

    /// The token by which the owner of an address asks for no more mail. It never expires: an old mail's link must work
    /// too. The address can be read in it, by who has the mail anyway, so that nothing need be stored about it.
    pub fn unsubscribe(&self, email: &Email) -> String {
        seal(&self.unsubscribe, &[email.as_str().as_bytes()])
    }

    /// The address that a token of [`MailLinks::unsubscribe`] stands for.
    ///
    /// # Errors
    /// [`LinkError::Invalid`].
    pub fn open_unsubscribe(&self, token: &str) -> Result<Email, LinkError> {
        let address = String::from_utf8(open(&self.unsubscribe, token)?).map_err(|_| LinkError::Invalid)?;
        Ok(Email::from_stored(address))
    }
}

impl Verification {
    /// Whether this is the address that was written to. A user who has changed it since confirms the new one by another
    /// mail.
    pub fn is_for(&self, email: &Email) -> bool {
        hmac::verify(&self.address_key, &address_of(self.user_id, email), &self.address_tag).is_ok()
    }
}

/// The user belongs to it so that equal addresses of two users have nothing in common. Their id is of a fixed length,
/// so it and the address can't run into each other.
fn address_of(user_id: Uuid, email: &Email) -> Vec<u8> {
    [user_id.as_bytes(), email.as_str().as_bytes()].concat()
}

fn seal(key: &hmac::Key, content: &[&[u8]]) -> String {
    let mut token = vec![VERSION];
    token.extend(content.iter().copied().flatten());
    let tag = hmac::sign(key, &token);
    token.extend_from_slice(tag.as_ref());
    URL_SAFE_NO_PAD.encode(token)
}

fn open(key: &hmac::Key, token: &str) -> Result<Vec<u8>, LinkError> {
    let token = URL_SAFE_NO_PAD.decode(token).map_err(|_| LinkError::Invalid)?;
    let (content, tag) = token.split_last_chunk::<TAG_LENGTH>().ok_or(LinkError::Invalid)?;
    hmac::verify(key, content, tag).map_err(|_| LinkError::Invalid)?;
    match content.split_first() {
        Some((&VERSION, content)) => Ok(content.to_vec()),
        _ => Err(LinkError::Invalid),
    }
}

#[cfg(test)]
mod tests;
