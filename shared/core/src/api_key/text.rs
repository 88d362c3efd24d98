use ring::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::ApiKey;
use crate::random::Random;
use crate::seal;

/// What every key begins with, so that people and scanners of leaked secrets recognise one.
pub const PREFIX: &str = "prg_";
/// Bytes that nobody can guess, not even who has the key of the MAC.
const RANDOM_LENGTH: usize = 24;

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
        let sealed = seal::seal(&self.key, &[key.user_id.as_bytes(), key.id.as_bytes(), &random]);
        format!("{PREFIX}{sealed}").into()
    }

    /// What a key says.
    ///
    /// # Errors
    /// [`ForeignApiKey`] for whatever was not made here, found without asking anybody.
    pub fn open(&self, text: &SecretString) -> Result<PresentedApiKey, ForeignApiKey> {
        let sealed = text.expose_secret().strip_prefix(PREFIX).ok_or(ForeignApiKey)?;
        let content = seal::open(&self.key, sealed).ok_or(ForeignApiKey)?;
        let (user_id, rest) = content.split_first_chunk().ok_or(ForeignApiKey)?;
        let (id, _) = rest.split_first_chunk().ok_or(ForeignApiKey)?;
        let (user_id, id) = (Uuid::from_bytes(*user_id), Uuid::from_bytes(*id));
        Ok(PresentedApiKey { user_id, id, hash: ApiKeyHash::of(text) })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::api_key::NewApiKey;
    use crate::scope::Scopes;

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
}
