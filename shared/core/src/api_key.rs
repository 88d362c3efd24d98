//! API keys: credentials that users make for programs, with rights and an end of their own.
//!
//! A key says whose it is and which, under a MAC. So one that is made up is refused without asking any table, and a request
//! can be counted for the user whom its key names. Only the hash of a key is stored.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::job::later;
use crate::random::Random;
use crate::scope::{Scope, Scopes};
use crate::seal;
use crate::validation::Validate;

/// What every key begins with, so that people and scanners of leaked secrets recognise one.
pub const PREFIX: &str = "prg_";
/// Keys that a user can have at the same time.
pub const MOST: usize = 20;
/// The first byte of a key. Another number will mean another layout.
const VERSION: u8 = 1;
/// Bytes that nobody can guess, not even who has the key of the MAC.
const RANDOM_LENGTH: usize = 24;
/// Version, user, key, random bytes.
const CONTENT_LENGTH: usize = 1 + 16 + 16 + RANDOM_LENGTH;
/// Longest text that is looked at, in bytes. Ours have 123.
const MAX_LENGTH: usize = 128;

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
    /// The owner's [`User::api_key_epoch`](crate::user::User::api_key_epoch) in which it was created. In any other it is over.
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

/// What is stored of a key's text: its SHA-256. A key can't be guessed, so a plain hash keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyHash(Vec<u8>);

impl ApiKeyHash {
    /// The hash of a key's text.
    pub fn of(text: &SecretString) -> Self {
        Self(digest::digest(&digest::SHA256, text.expose_secret().as_bytes()).as_ref().to_vec())
    }

    /// A hash as it was stored.
    pub fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The hash's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a key says, once its MAC has been verified. Whether it is still one, its row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedApiKey {
    /// Whose it is.
    pub user_id: Uuid,
    /// Which it is.
    pub id: Uuid,
    /// The hash of its text.
    pub hash: ApiKeyHash,
}

/// The text is no API key of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key of ours")]
pub struct ForeignApiKey;

/// Makes the texts of API keys and reads them.
#[derive(Debug, Clone)]
pub struct ApiKeyTexts {
    key: hmac::Key,
}

impl ApiKeyTexts {
    /// Texts under a key that is derived from `secret`, which every function that takes API keys has.
    pub fn new(secret: &SecretString) -> Self {
        Self { key: seal::key_for("api keys", secret) }
    }

    /// A new text for a key: the prefix, and the URL-safe base64 of 89 bytes.
    pub fn issue(&self, key: &ApiKey, random: &Random) -> SecretString {
        let random: [u8; RANDOM_LENGTH] = random.bytes();
        let content = [&[VERSION], key.user_id.as_bytes().as_slice(), key.id.as_bytes(), &random].concat();
        let tag = hmac::sign(&self.key, &content);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&content, tag.as_ref()].concat())).into()
    }

    /// What a key says.
    ///
    /// # Errors
    /// [`ForeignApiKey`] for whatever was not made here, found without asking anybody.
    pub fn open(&self, text: &SecretString) -> Result<PresentedApiKey, ForeignApiKey> {
        let encoded = text.expose_secret().strip_prefix(PREFIX).filter(|encoded| encoded.len() < MAX_LENGTH);
        let bytes = URL_SAFE_NO_PAD.decode(encoded.ok_or(ForeignApiKey)?).map_err(|_| ForeignApiKey)?;
        let (content, tag) = bytes.split_first_chunk::<CONTENT_LENGTH>().ok_or(ForeignApiKey)?;
        hmac::verify(&self.key, content, tag).map_err(|_| ForeignApiKey)?;
        let (version, rest) = content.split_first().ok_or(ForeignApiKey)?;
        let (user_id, rest) = rest.split_first_chunk().ok_or(ForeignApiKey)?;
        let (id, _) = rest.split_first_chunk().ok_or(ForeignApiKey)?;
        if *version != VERSION {
            return Err(ForeignApiKey);
        }
        let (user_id, id) = (Uuid::from_bytes(*user_id), Uuid::from_bytes(*id));
        Ok(PresentedApiKey { user_id, id, hash: ApiKeyHash::of(text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        let new = NewApiKey { name: "import".to_owned(), scopes: None, expires_in_days: 1 };
        ApiKey::new((Uuid::max(), 0), &new, Scopes::of_new_user(), Timestamp::UNIX_EPOCH, &Random::system())
    }

    #[test]
    fn a_key_says_whose_it_is_and_which() {
        let (texts, key) = (ApiKeyTexts::new(&"a secret".into()), key());
        let text = texts.issue(&key, &Random::system());
        assert_eq!((text.expose_secret().len(), text.expose_secret().starts_with("prg_")), (123, true));
        let presented = texts.open(&text).unwrap();
        assert_eq!((presented.user_id, presented.id), (key.user_id, key.id));
        assert_eq!(presented.hash, ApiKeyHash::of(&text));
        let other = texts.issue(&key, &Random::system());
        assert_ne!(other.expose_secret(), text.expose_secret(), "its id does not tell a key");
    }

    #[test]
    fn no_key_is_made_up_or_changed() {
        let texts = ApiKeyTexts::new(&"a secret".into());
        let text = texts.issue(&key(), &Random::system()).expose_secret().to_owned();
        assert!(ApiKeyTexts::new(&"another secret".into()).open(&text.as_str().into()).is_err());
        for (index, character) in text.char_indices() {
            let other = if character == 'A' { 'B' } else { 'A' };
            let changed = format!("{}{other}{}", &text[..index], &text[index + 1..]);
            assert_eq!(texts.open(&changed.into()), Err(ForeignApiKey), "{index}");
        }
        let body = &text[PREFIX.len()..];
        for foreign in ["", "prg_", body, &format!("{text}A"), &format!("{text}="), &format!("prg_{}", "A".repeat(119))]
        {
            assert_eq!(texts.open(&foreign.into()), Err(ForeignApiKey), "{foreign}");
        }
    }

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
