use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, CustomizedPasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Params, Version};
use secrecy::{ExposeSecret, SecretString};

use super::reusing_argon2::ReusingArgon2;
use crate::random::Random;

/// OWASP's second choice for Argon2id, which keeps a sign-in's memory small: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The hash that is compared with when there is no such user, so that both cases take the same time. Nobody knows a
/// password for it: its bytes were drawn at random.
const DECOY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$gQWuBLyLCPfgZ9EHZv+3YQ$6xH7NGE4Y0m3yP7mKqJ5Ww2x9rYvT1cU8dLkQe0bAfI";

/// Hashes and verifies passwords with Argon2id, off the async threads: one hash takes tens of milliseconds of CPU.
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    random: Random,
    argon2: ReusingArgon2,
}

/// The hash could not be computed or read: not a wrong password, but a fault of ours.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The library refused, for instance a stored hash of an unknown form.
    #[error("Argon2 failed: {0}")]
    Argon2(password_hash::Error),
    /// The hashing thread did not finish.
    #[error("the hashing task did not finish")]
    Task(#[from] tokio::task::JoinError),
}

/// What became of a password that was compared with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verified {
    /// The hash is not the password's.
    Wrong,
    /// The hash is the password's.
    Right,
    /// The hash is the password's, but was made by another algorithm or with other parameters than new ones. Now that
    /// the password is at hand, a new hash can take its place.
    RightButOutdated,
}

impl Verified {
    /// Whether the hash is the password's.
    pub fn is_right(self) -> bool {
        self != Self::Wrong
    }
}

impl PasswordHasher {
    /// A hasher whose salts come from `random`.
    pub fn new(random: Random) -> Self {
        Self { random, argon2: ReusingArgon2::default() }
    }

    /// The password's hash in PHC string format, with a new salt.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let salt: [u8; 16] = self.random.bytes();
        let argon2 = self.argon2.clone();
        let hash = tokio::task::spawn_blocking(move || {
            let (algorithm, version) = (Algorithm::Argon2id.as_str(), Version::V0x13.into());
            let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
            let password = password.expose_secret().as_bytes();
            argon2.hash_password_customized(password, &salt, Some(algorithm), Some(version), params)
        });
        Ok(hash.await?.map_err(PasswordError::Argon2)?.to_string())
    }

    /// Whether `password` belongs to `hash`, and whether that should be made anew. Without a hash, because there is no
    /// such user, the answer is no and takes as long.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<Verified, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| DECOY_HASH.to_owned());
        let is_current = hash.starts_with(&current_form());
        let argon2 = self.argon2.clone();
        let matches = tokio::task::spawn_blocking(move || {
            let hash = PasswordHash::new(&hash).map_err(password_hash::Error::from)?;
            match argon2.verify_password(password.expose_secret().as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        });
        let matches = matches.await?.map_err(PasswordError::Argon2)?;
        Ok(match (matches && known, is_current) {
            (false, _) => Verified::Wrong,
            (true, true) => Verified::Right,
            (true, false) => Verified::RightButOutdated,
        })
    }
}

/// What all hashes begin with that are made today, in PHC string format.
fn current_form() -> String {
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$")
}

#[cfg(test)]
mod tests {
    use argon2::Argon2;
    use argon2::password_hash::PasswordHasher as _;

    use super::*;

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(Random::system())
    }

    #[tokio::test]
    async fn a_hash_belongs_to_its_password_only() {
        let hash = hasher().hash("Passw0rd1".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(hasher().verify("Passw0rd1".into(), Some(hash.clone())).await.unwrap(), Verified::Right);
        assert_eq!(hasher().verify("Passw0rd2".into(), Some(hash)).await.unwrap(), Verified::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_verified_and_known_as_outdated() {
        for (algorithm, memory, passes) in
            [(Algorithm::Argon2id, 8192, 1), (Algorithm::Argon2i, MEMORY_KIB, PASSES), (Algorithm::Argon2id, 19_457, 2)]
        {
            let params = Params::new(memory, passes, LANES, None).unwrap();
            let other = Argon2::new(algorithm, Version::V0x13, params);
            let hash = other.hash_password_with_salt(b"Passw0rd1", b"sixteen bytes...").unwrap().to_string();
            let verified = async |password: &str| hasher().verify(password.into(), Some(hash.clone())).await.unwrap();
            assert_eq!(verified("Passw0rd1").await, Verified::RightButOutdated, "{hash}");
            assert_eq!(verified("Passw0rd2").await, Verified::Wrong, "{hash}");
        }
    }

    #[tokio::test]
    async fn nobody_signs_in_without_an_account_but_the_work_is_done() {
        let hasher = hasher();
        assert_eq!(hasher.verify("".into(), None).await.unwrap(), Verified::Wrong);
        assert_eq!(hasher.argon2.kept(), 19_456, "as for somebody who has one");
    }
}
