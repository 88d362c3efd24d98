//! Tokens for links that are good for one use: whoever has one has read the mail that it was sent in.
//!
//! A token is the URL-safe base64 of its user's id and 32 random bytes. It stands in the link alone: what is stored is
//! its SHA-256, and a keyed hash of the address that it was sent to. There is one per user and purpose, so that a new
//! one takes the place of the old one (OWASP ASVS 6.4, NIST SP 800-63B section 4.2.1.2).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::email::Email;
use crate::job::later;
use crate::mail::links::LinkError;
use crate::random::Random;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To confirm an address.
    VerifyEmail,
    /// To set a new password.
    ResetPassword,
}

/// A token, as it was made or as somebody shows it. It can't be printed.
#[derive(Clone)]
pub struct OneTimeToken {
    purpose: Purpose,
    user_id: Uuid,
    bytes: [u8; LENGTH],
}

/// What is stored of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// The token's SHA-256.
    pub hash: Vec<u8>,
    /// The HMAC of the address that it was sent to, with the token as its key: it tells nothing to who has no token.
    pub address_tag: Vec<u8>,
    /// When it ceases to be good.
    pub expires_at: Timestamp,
}

const RANDOM_LENGTH: usize = 32;
const LENGTH: usize = 16 + RANDOM_LENGTH;

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 2] = [Self::VerifyEmail, Self::ResetPassword];

    /// The name, in keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
        }
    }

    /// How long a token is good.
    pub fn lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail => Duration::from_hours(24),
            Self::ResetPassword => Duration::from_mins(30),
        }
    }
}

impl OneTimeToken {
    /// A new token for a user.
    pub fn new(purpose: Purpose, user_id: Uuid, random: &Random) -> Self {
        let mut bytes = [0; LENGTH];
        let (id, rest) = bytes.split_at_mut(LENGTH - RANDOM_LENGTH);
        id.copy_from_slice(user_id.as_bytes());
        rest.copy_from_slice(&random.bytes::<RANDOM_LENGTH>());
        Self { purpose, user_id, bytes }
    }

    /// A token that somebody shows. Whether it was ever made is for [`StoredToken::check`] to say.
    ///
    /// # Errors
    /// [`LinkError::Invalid`] for what has not the form of one.
    pub fn parse(purpose: Purpose, text: &SecretString) -> Result<Self, LinkError> {
        // What is much longer is none, and not worth decoding.
        let text = Some(text.expose_secret()).filter(|text| text.len() <= 2 * LENGTH).ok_or(LinkError::Invalid)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| LinkError::Invalid)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| LinkError::Invalid)?;
        let (user_id, _) = bytes.split_first_chunk().ok_or(LinkError::Invalid)?;
        Ok(Self { purpose, user_id: Uuid::from_bytes(*user_id), bytes })
    }

    /// The token as it stands in a link.
    pub fn text(&self) -> SecretString {
        URL_SAFE_NO_PAD.encode(self.bytes).into()
    }

    /// What it is good for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Whose it is, if it is any.
    pub fn user_id(&self) -> Uuid {
        self.user_id
    }

    /// What is to be stored of a token that is sent to this address now.
    pub fn stored(&self, email: &Email, now: Timestamp) -> StoredToken {
        StoredToken {
            hash: self.hash(),
            address_tag: hmac::sign(&self.address_key(), email.as_str().as_bytes()).as_ref().to_vec(),
            expires_at: later(now, self.purpose.lifetime()),
        }
    }

    /// The token's SHA-256. It needs neither salt nor work, for nobody guesses 32 random bytes.
    pub fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, &self.bytes).as_ref().to_vec()
    }

    fn address_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.bytes)
    }
}

impl std::fmt::Debug for OneTimeToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OneTimeToken").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

impl StoredToken {
    /// Whether this is what is stored of the token, and still good.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn check(&self, token: &OneTimeToken, now: Timestamp) -> Result<(), LinkError> {
        // MACs of both hashes are compared, in the same time wherever they differ.
        let key = token.address_key();
        let stored = hmac::sign(&key, &self.hash);
        hmac::verify(&key, &token.hash(), stored.as_ref()).map_err(|_| LinkError::Gone)?;
        if self.expires_at <= now { Err(LinkError::Expired) } else { Ok(()) }
    }

    /// Whether it was sent to this address. A user who has changed it since shows by another mail that the new one is
    /// theirs, and who reads the old one has no more to say.
    pub fn is_for(&self, token: &OneTimeToken, email: &Email) -> bool {
        hmac::verify(&token.address_key(), email.as_str().as_bytes(), &self.address_tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Timestamp = Timestamp::UNIX_EPOCH;

    fn token(user_id: u128) -> OneTimeToken {
        OneTimeToken::new(Purpose::ResetPassword, Uuid::from_u128(user_id), &Random::system())
    }

    fn email(address: &str) -> Email {
        Email::parse(address).unwrap()
    }

    #[test]
    fn a_token_is_good_until_its_time_has_passed() {
        for (purpose, minutes) in [(Purpose::VerifyEmail, 24 * 60), (Purpose::ResetPassword, 30)] {
            let token = OneTimeToken::new(purpose, Uuid::nil(), &Random::system());
            let stored = token.stored(&email("ann@example.com"), NOON);
            let end = later(NOON, Duration::from_mins(minutes));
            let last_second = later(NOON, Duration::from_secs(60 * minutes - 1));
            assert_eq!(stored.check(&token, last_second), Ok(()));
            assert_eq!(stored.check(&token, end), Err(LinkError::Expired));
            assert_eq!(stored.check(&self::token(0), end), Err(LinkError::Gone), "only who has it learns that");
        }
    }

    #[test]
    fn a_token_is_for_the_address_that_it_was_sent_to() {
        let token = token(1);
        let stored = token.stored(&email("ann@example.com"), NOON);
        assert!(stored.is_for(&token, &email("ann@example.com")));
        assert!(!stored.is_for(&token, &email("bob@example.com")));
        assert!(!stored.is_for(&self::token(1), &email("ann@example.com")));
    }

    #[test]
    fn nothing_that_is_stored_or_printed_is_the_token() {
        let token = token(7);
        let text = token.text();
        let shown = format!("{token:?} {:?}", token.stored(&email("ann@example.com"), NOON));
        assert!(!shown.contains(text.expose_secret()) && !shown.contains(&format!("{:?}", token.bytes)), "{shown}");
    }

    proptest! {
        #[test]
        fn a_token_comes_back_from_its_link(user_id: u128) {
            let token = token(user_id);
            let read = OneTimeToken::parse(Purpose::ResetPassword, &token.text()).unwrap();
            prop_assert_eq!((read.user_id(), read.hash()), (Uuid::from_u128(user_id), token.hash()));
        }

        #[test]
        fn no_text_of_another_form_is_a_token(text: String, base64 in "[A-Za-z0-9_-]{0,63}") {
            for garbage in [text, base64, format!("{}=", token(0).text().expose_secret())] {
                let parsed = OneTimeToken::parse(Purpose::VerifyEmail, &garbage.into());
                prop_assert_eq!(parsed.unwrap_err(), LinkError::Invalid);
            }
        }
    }
}
