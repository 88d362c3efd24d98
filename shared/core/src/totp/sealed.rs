use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use secrecy::SecretString;
use uuid::Uuid;

use super::{RecoveryCode, TotpSecret};
use crate::random::Random;
use crate::seal;

/// The first byte of what is sealed. Another number will mean another layout.
const VERSION: u8 = 1;

/// Keeps what verifies second factors such that the table alone tells nobody anything: secrets are sealed, recovery
/// codes hashed, both with keys that only the auth function has.
#[derive(Clone)]
pub struct SecondFactorKeys {
    sealing: hmac::Tag,
    hashing: hmac::Key,
    random: Random,
}

/// What is stored of a recovery code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecoveryCodeHash(String);

impl SecondFactorKeys {
    /// Keys that are derived from `secret`, which only the auth function may have.
    pub fn new(secret: &SecretString, random: Random) -> Self {
        let sealing = hmac::sign(&seal::key_for("second factors", secret), b"secrets");
        Self { sealing, hashing: seal::key_for("recovery codes", secret), random }
    }

    /// The user's secret, such that it opens for this user only (RFC 8439): version, nonce, and what is sealed. `None`
    /// for no secret that is known.
    pub(crate) fn seal(&self, user_id: Uuid, secret: &TotpSecret) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = self.random.bytes();
        let mut sealed = secret.as_bytes().to_vec();
        let bound = Aad::from(user_id.into_bytes());
        self.key()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed).ok()?;
        Some([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// The secret that was sealed for this user; `None` if it was not.
    pub(crate) fn open(&self, user_id: Uuid, sealed: &[u8]) -> Option<TotpSecret> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        if *version != VERSION {
            return None;
        }
        let mut sealed = sealed.to_vec();
        let bound = Aad::from(user_id.into_bytes());
        let opened = self.key()?.open_in_place(Nonce::assume_unique_for_key(*nonce), bound, &mut sealed).ok()?;
        <[u8; _]>::try_from(&*opened).ok().map(TotpSecret::from_bytes)
    }

    /// What is stored of a user's recovery code.
    pub(crate) fn hash(&self, user_id: Uuid, code: &RecoveryCode) -> RecoveryCodeHash {
        let mut context = hmac::Context::with_key(&self.hashing);
        context.update(user_id.as_bytes());
        context.update(code.as_bytes());
        RecoveryCodeHash(URL_SAFE_NO_PAD.encode(context.sign()))
    }

    fn key(&self) -> Option<LessSafeKey> {
        // It fails for another length than the 32 bytes that an HMAC with SHA-256 has.
        UnboundKey::new(&CHACHA20_POLY1305, self.sealing.as_ref()).map(LessSafeKey::new).ok()
    }
}

impl RecoveryCodeHash {
    /// The hash as it stands in a row: 43 characters of unpadded base64url.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecondFactorKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecondFactorKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_its_user_and_deployment_only() {
        let keys = SecondFactorKeys::new(&"a secret".into(), Random::system());
        let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let secret = TotpSecret::new(&Random::system());
        let sealed = keys.seal(ann, &secret).unwrap();
        assert_eq!(keys.open(ann, &sealed).unwrap().as_bytes(), secret.as_bytes());
        assert!(!sealed.windows(4).any(|part| part == &secret.as_bytes()[..4]));
        assert_ne!(keys.seal(ann, &secret).unwrap(), sealed, "no nonce is used twice");
        assert!(keys.open(bob, &sealed).is_none());
        assert!(SecondFactorKeys::new(&"another".into(), Random::system()).open(ann, &sealed).is_none());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(keys.open(ann, &changed).is_none(), "{index}");
        }
        assert!(keys.open(ann, b"").is_none());
    }

    #[test]
    fn a_recovery_code_is_hashed_for_its_user_and_deployment() {
        let keys = SecondFactorKeys::new(&"a secret".into(), Random::system());
        let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let code = RecoveryCode::new(&Random::system());
        assert_eq!(keys.hash(ann, &code), keys.hash(ann, &code));
        assert_ne!(keys.hash(ann, &code), keys.hash(bob, &code));
        let others = SecondFactorKeys::new(&"another".into(), Random::system());
        assert_ne!(keys.hash(ann, &code), others.hash(ann, &code));
        assert_ne!(keys.hash(ann, &code), keys.hash(ann, &RecoveryCode::new(&Random::system())));
    }
}
