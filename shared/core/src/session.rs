//! Sessions: what begins with a sign-in and goes on for as long as its refresh token is used (RFC 6749 section 6, RFC
//! 9700 section 4.14).
//!
//! A refresh token says which session it belongs to and its place in the row of the session's tokens (its generation),
//! under a MAC with a key that only the auth function has. So nothing secret is stored, and the successor of a token
//! can be computed again for a client that did not get it.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::job::later;
use crate::random::Random;
use crate::scope::Scopes;
use crate::seal;
use crate::user::User;

/// A session whose refresh token has not been used for so long is over.
const IDLE_LIFETIME: Duration = Duration::from_hours(14 * 24);
/// After so long a user has to sign in again, whatever was refreshed.
const LONGEST_LIFETIME: Duration = Duration::from_hours(90 * 24);
/// For so long after its use a refresh token gives the same successor again: a client that asks twice at once, or whose
/// answer got lost, is no thief.
pub const GRACE: Duration = Duration::from_secs(10);
/// Most characters of a `User-Agent` that are kept.
const LONGEST_USER_AGENT: usize = 200;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Identifies the session. A `UUIDv7`: its time is the time of the sign-in.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The user's epoch in which it began. In any other it is over.
    pub epoch: u64,
    /// How often its refresh token has been replaced: the generation of the one that is good now.
    pub generation: u32,
    /// When that was done last.
    pub rotated_at: Timestamp,
    /// What the user was granted at the sign-in.
    pub scopes: Scopes,
    /// Whether the sign-in took a second factor.
    pub has_second_factor: bool,
    /// Where the user signed in from.
    pub address: IpAddr,
    /// What the client called itself at the sign-in.
    pub user_agent: Option<String>,
    /// When the user signed in.
    pub created_at: Timestamp,
}

/// Which session something belongs to: what an access token says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRef {
    /// The session. A `UUIDv7`: its time is the time of the sign-in.
    pub id: Uuid,
    /// The [`User::session_epoch`] in which it began.
    pub epoch: u64,
}

impl SessionRef {
    /// When the user signed in; the Unix epoch if the id tells no time.
    pub fn began_at(self) -> Timestamp {
        let time = self.id.get_timestamp().map(|time| time.to_unix());
        let (seconds, nanoseconds) = time.unwrap_or_default();
        let seconds = i64::try_from(seconds).unwrap_or_default();
        Timestamp::new(seconds, i32::try_from(nanoseconds).unwrap_or_default()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// What becomes of a refresh token that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshing {
    /// It is the session's current one: its successor takes its place.
    Rotate,
    /// Its successor has just taken its place: that one is given again.
    Repeat,
    /// Its successor took its place long ago: two have had it, one of whom is a thief.
    Reused,
}

impl Session {
    /// A session that begins now.
    pub fn begin(
        user: &User,
        scopes: Scopes,
        has_second_factor: bool,
        client: (IpAddr, Option<&str>),
        now: Timestamp,
        random: &Random,
    ) -> Self {
        let (address, user_agent) = client;
        Self {
            id: random.uuid(now),
            user_id: user.id,
            epoch: user.session_epoch,
            generation: 0,
            rotated_at: now,
            scopes,
            has_second_factor,
            address,
            user_agent: user_agent.map(|name| name.chars().take(LONGEST_USER_AGENT).collect()),
            created_at: now,
        }
    }

    /// How its access tokens name it.
    pub fn reference(&self) -> SessionRef {
        SessionRef { id: self.id, epoch: self.epoch }
    }

    /// When it ends unless it is refreshed before.
    pub fn expires_at(&self) -> Timestamp {
        later(self.rotated_at, IDLE_LIFETIME).min(later(self.created_at, LONGEST_LIFETIME))
    }

    /// Whether it goes on, for this user as stored now.
    pub fn is_live(&self, user: &User, now: Timestamp) -> bool {
        user.accepts(self.reference()) && now < self.expires_at()
    }

    /// What becomes of its refresh token of this generation.
    pub fn judge(&self, generation: u32, now: Timestamp) -> Refreshing {
        if generation == self.generation {
            Refreshing::Rotate
        } else if generation.checked_add(1) == Some(self.generation) && now <= later(self.rotated_at, GRACE) {
            Refreshing::Repeat
        } else {
            Refreshing::Reused
        }
    }
}

/// What a refresh token says, once its MAC has been verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// Whose session it belongs to.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// Its place in the row of the session's refresh tokens.
    pub generation: u32,
}

/// The text is no refresh token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token of ours")]
pub struct ForeignRefreshToken;

/// Makes refresh tokens and reads them.
#[derive(Debug, Clone)]
pub struct RefreshTokens {
    key: hmac::Key,
}

impl RefreshTokens {
    /// Tokens under a key that is derived from `secret`, which only the auth function may have.
    pub fn new(secret: &SecretString) -> Self {
        Self { key: seal::key_for("refresh tokens", secret) }
    }

    /// The session's refresh token of its current generation: the URL-safe base64 of 69 bytes.
    pub fn current_of(&self, session: &Session) -> SecretString {
        let generation = session.generation.to_be_bytes();
        seal::seal(&self.key, &[session.user_id.as_bytes(), session.id.as_bytes(), &generation]).into()
    }

    /// What a token says.
    ///
    /// # Errors
    /// [`ForeignRefreshToken`] for whatever this key has not made, found without asking anybody.
    pub fn open(&self, token: &SecretString) -> Result<RefreshToken, ForeignRefreshToken> {
        let content = seal::open(&self.key, token.expose_secret()).ok_or(ForeignRefreshToken)?;
        let (user_id, rest) = content.split_first_chunk().ok_or(ForeignRefreshToken)?;
        let (session_id, rest) = rest.split_first_chunk().ok_or(ForeignRefreshToken)?;
        let generation = rest.try_into().map_err(|_| ForeignRefreshToken)?;
        Ok(RefreshToken {
            user_id: Uuid::from_bytes(*user_id),
            session_id: Uuid::from_bytes(*session_id),
            generation: u32::from_be_bytes(generation),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::Email;
    use crate::user::FirstAdmin;

    #[test]
    fn a_refresh_token_is_of_no_use_under_another_secret() {
        let (now, random) = (Timestamp::UNIX_EPOCH, Random::system());
        let [old, new] = ["the secret that has leaked", "the secret in its place"]
            .map(|secret| RefreshTokens::new(&format!("{secret}, of more than 32 characters").into()));
        let admin = FirstAdmin::new(Email::from_stored("root@example.com".to_owned()));
        let user = admin.account(now, &random);
        let client = (IpAddr::from([192, 0, 2, 1]), None);
        let session = Session::begin(&user, Scopes::of_new_user(), false, client, now, &random);
        let token = old.current_of(&session);
        assert_eq!(old.open(&token).unwrap().session_id, session.id);
        assert!(new.open(&token).is_err());
    }
}
