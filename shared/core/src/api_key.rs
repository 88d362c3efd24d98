//! API keys: credentials that users make for programs, with rights and an end of their own.
//!
//! A key says whose it is and which, under a MAC. So one that is made up is refused without asking any table, and a
//! request can be counted for the user whom its key names. Only the hash of a key is stored.

mod text;

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::job::later;
use crate::random::Random;
use crate::scope::{Scope, Scopes};
use crate::validation::Validate;

pub use text::{ApiKeyHash, ApiKeyTexts, ForeignApiKey, PREFIX, PresentedApiKey};

/// Keys that a user can have at the same time.
pub const MOST: usize = 20;

/// An API key, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Identifies the key.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// What it allows, of what its owner may do.
    pub scopes: Scopes,
    /// The owner's [`User::api_key_epoch`](crate::user::User::api_key_epoch) in which it was created. In any other it
    /// is over.
    pub epoch: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it stops being accepted. Whole seconds.
    pub expires_at: Timestamp,
}

/// A key that is wished for.
#[derive(Debug, Clone, ToSchema, Validate)]
#[validate(check = has_a_scope)]
pub struct NewApiKey {
    /// What the key is for, to tell it from others.
    #[schema(min_length = 1, max_length = 100, example = "nightly import")]
    pub name: String,
    /// What the key allows: no more than the access token that creates it. Everything that the token allows if none are
    /// named, but never `admin`, which must be named.
    pub scopes: Option<Scopes>,
    /// Days until the key expires.
    #[schema(minimum = 1, maximum = 365, default = 90, example = 90)]
    pub expires_in_days: u32,
}

/// A key as answers show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKeyView {
    /// Identifies the key.
    #[schema(example = "0198f3c4-12ab-7d10-9f3e-6b5a4c3d2e1f")]
    pub id: Uuid,
    /// What its owner calls it.
    #[schema(example = "nightly import")]
    pub name: String,
    /// What it allows, of what its owner may do.
    pub scopes: Scopes,
    /// When it was created.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub created_at: Timestamp,
    /// When it stops being accepted.
    #[schema(example = "2026-05-01T12:00:00Z")]
    pub expires_at: Timestamp,
}

/// A key that has just been created, with its text. It can't be printed, because the text must not be.
#[derive(Serialize, ToSchema)]
pub struct IssuedApiKey {
    /// Identifies the key.
    #[schema(example = "0198f3c4-12ab-7d10-9f3e-6b5a4c3d2e1f")]
    id: Uuid,
    /// What its owner calls it.
    #[schema(example = "nightly import")]
    name: String,
    /// What it allows, of what its owner may do.
    scopes: Scopes,
    /// When it was created.
    #[schema(example = "2026-01-31T12:00:00Z")]
    created_at: Timestamp,
    /// When it stops being accepted.
    #[schema(example = "2026-05-01T12:00:00Z")]
    expires_at: Timestamp,
    /// The key itself, to be sent as `X-API-Key: …` or `Authorization: Bearer …`. It is shown this once.
    #[schema(
        example = "prg_AQGY88QSq30Qnz5rWkw9Lh8BmPPEEqt9EJ8-a1pMPS4fAZjzxBKrfRCfPmtaTD0uHwGY88QSq30Qnz5rWkw9Lh8BmPPEEqt9EJ8-a1pMPS4fAZjzxBKrfQ"
    )]
    key: String,
}

fn has_a_scope(new: &NewApiKey) -> Result<(), &'static str> {
    if new.scopes.as_ref().is_some_and(Scopes::is_empty) { Err("a key needs a scope") } else { Ok(()) }
}

impl NewApiKey {
    /// The scopes that the key gets from whoever may do what `granted` says; `None` if it would get more than that.
    pub fn scopes_within(&self, granted: &Scopes) -> Option<Scopes> {
        match &self.scopes {
            Some(named) => named.iter().all(|scope| granted.allow(scope)).then(|| named.clone()),
            None => {
                Some(Scope::ALL.into_iter().filter(|scope| granted.allow(*scope) && *scope != Scope::Admin).collect())
            }
        }
    }
}

impl ApiKey {
    /// A new key of a user, in their [`User::api_key_epoch`](crate::user::User::api_key_epoch).
    pub fn new(
        (user_id, epoch): (Uuid, u64),
        new: &NewApiKey,
        scopes: Scopes,
        now: Timestamp,
        random: &Random,
    ) -> Self {
        let lifetime = Duration::from_hours(24) * new.expires_in_days;
        let expires_at = later(now, lifetime);
        Self {
            id: random.uuid(now),
            user_id,
            name: new.name.clone(),
            scopes,
            epoch,
            created_at: now,
            // The row says it in seconds, which is how DynamoDB deletes what has expired.
            expires_at: Timestamp::from_second(expires_at.as_second()).unwrap_or(expires_at),
        }
    }

    /// Whether the key has neither expired nor been ended with all others of its owner, who is in this epoch now.
    pub fn is_live(&self, epoch: u64, now: Timestamp) -> bool {
        epoch == self.epoch && now < self.expires_at
    }

    /// The key with its text, for its owner to see this once.
    pub fn issued(&self, text: &SecretString) -> IssuedApiKey {
        let ApiKeyView { id, name, scopes, created_at, expires_at } = self.clone().into();
        IssuedApiKey { id, name, scopes, created_at, expires_at, key: text.expose_secret().to_owned() }
    }
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, user_id: _, name, scopes, created_at, expires_at, epoch: _ } = key;
        Self { id, name, scopes, created_at, expires_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gets_no_more_than_its_maker_has_and_admin_only_by_name() {
        let wish = |scopes: Option<&str>| NewApiKey {
            name: "import".to_owned(),
            scopes: scopes.map(Scopes::parse_lenient),
            expires_in_days: 1,
        };
        let given = |scopes, granted: &str| {
            wish(scopes).scopes_within(&Scopes::parse_lenient(granted)).map(|scopes| scopes.to_string())
        };
        assert_eq!(given(None, "users:write items:read").unwrap(), "users:write items:read");
        assert_eq!(given(Some("items:read"), "users:write items:read").unwrap(), "items:read");
        assert_eq!(given(Some("items:read items:write"), "users:write items:read"), None);
        assert_eq!(given(Some("admin"), "users:write"), None);
        assert_eq!(given(Some("admin"), "admin").unwrap(), "admin");
        let all_but_admin = "users:read users:write items:read items:write notifications:send";
        assert_eq!(given(None, "admin").unwrap(), all_but_admin);
    }
}
