use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use ring::hkdf;
use secrecy::{ExposeSecret, SecretString};

use super::{PublicKey, crypto};

/// The signing key can't be used.
#[derive(Debug, thiserror::Error)]
#[error("no signing key can be derived from the signing secret")]
pub struct SigningKeyError;

/// All the signing keys of a deployment, one per generation. They are derived from one secret (HKDF with SHA-256, RFC
/// 5869), so that a secret of any form will do, a new generation needs nothing but its number, and no key is stored.
#[derive(Clone)]
pub struct SigningKeys {
    secret: hkdf::Prk,
}

/// Which secret keys are derived from, without telling anything about it: 22 characters of unpadded base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretId(pub(crate) String);

/// The signing key of one generation.
pub struct SigningKey {
    pub(super) key: EncodingKey,
    public_key: PublicKey,
}

impl SigningKeys {
    /// The keys that are derived from `secret`.
    pub fn new(secret: &SecretString) -> Self {
        crypto::install();
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"peregrine").extract(secret.expose_secret().as_bytes());
        Self { secret }
    }

    /// The key of a generation. The first one is 1.
    ///
    /// # Errors
    /// [`SigningKeyError`], which no secret is known to cause.
    pub fn key(&self, generation: u32) -> Result<SigningKey, SigningKeyError> {
        let seed: [u8; 32] = self.derive(&format!("access token signing key, version {generation}"))?;
        let public_key = PublicKey(crypto::public_key(&seed).ok_or(SigningKeyError)?);
        Ok(SigningKey { key: EncodingKey::from_ed_der(&seed), public_key })
    }

    /// The id of the secret.
    ///
    /// # Errors
    /// [`SigningKeyError`], which no secret is known to cause.
    pub fn secret_id(&self) -> Result<SecretId, SigningKeyError> {
        let id: [u8; 16] = self.derive("signing secret id")?;
        Ok(SecretId(URL_SAFE_NO_PAD.encode(id)))
    }

    fn derive<const N: usize>(&self, purpose: &str) -> Result<[u8; N], SigningKeyError> {
        struct Length(usize);

        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                self.0
            }
        }

        let mut bytes = [0; N];
        self.secret
            .expand(&[purpose.as_bytes()], Length(N))
            .and_then(|key| key.fill(&mut bytes))
            .map_err(|_| SigningKeyError)?;
        Ok(bytes)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKeys")
    }
}

impl SigningKey {
    /// The key that verifies what this one signs.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}
