//! Passwords: the rule that new ones follow, and their hashes.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use secrecy::{ExposeSecret, SecretString};
use utoipa::ToSchema;

use crate::random::Random;
use crate::validation::Validate;

/// OWASP's second choice for Argon2id, which keeps a sign-in's memory small: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The hash that is compared with when there is no such user, so that both cases take the same time. Nobody knows a
/// password for it: its bytes were drawn at random.
const DECOY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$gQWuBLyLCPfgZ9EHZv+3YQ$6xH7NGE4Y0m3yP7mKqJ5Ww2x9rYvT1cU8dLkQe0bAfI";

/// A password that its owner has just chosen: 8 to 128 characters, a digit and an upper-case letter among them.
#[derive(Debug, Clone, ToSchema, Validate)]
#[validate(check = Self::check_composition)]
#[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "Passw0rd1")]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// The password, for hashing.
    pub fn into_secret(self) -> SecretString {
        self.0
    }

    fn check_composition(&self) -> Result<(), &'static str> {
        let password = self.0.expose_secret();
        // `is_numeric` would let Roman numerals through, which Python's `isdigit` does not.
        if !password.chars().any(|c| c.is_ascii_digit() || is_unicode_digit(c)) {
            return Err("Password must contain a number");
        }
        if !password.chars().any(char::is_uppercase) {
            return Err("Password must contain an uppercase letter");
        }
        Ok(())
    }
}

/// The decimal digits of all scripts, and the superscripts, circled digits and the like that Python's `isdigit` counts too
/// (the Unicode property `Numeric_Type` is `Decimal` or `Digit`).
fn is_unicode_digit(c: char) -> bool {
    let decimal = CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::DecimalNumber;
    decimal
        || matches!(c,
            '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉' | '፩'..='፱' | '᧚' | '①'..='⑨' | '⑴'..='⑼' | '⒈'..='⒐' | '⓪'
            | '⓵'..='⓽' | '⓿' | '❶'..='❾' | '➀'..='➈' | '➊'..='➒' | '\u{10A40}'..='\u{10A43}'
            | '\u{10E60}'..='\u{10E68}' | '\u{11052}'..='\u{1105A}' | '\u{1F100}'..='\u{1F10A}')
}

/// Hashes and verifies passwords with Argon2id, off the async threads: one hash takes tens of milliseconds of CPU.
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    random: Random,
}

/// The hash could not be computed or read: not a wrong password, but a fault of ours.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The library refused, for instance a stored hash of an unknown form.
    #[error("Argon2 failed: {0}")]
    Argon2(argon2::password_hash::Error),
    /// The hashing thread did not finish.
    #[error("the hashing task did not finish")]
    Task(#[from] tokio::task::JoinError),
}

impl PasswordHasher {
    /// A hasher whose salts come from `random`.
    pub fn new(random: Random) -> Self {
        Self { random }
    }

    /// The password's hash in PHC string format, with a new salt.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let salt: [u8; 16] = self.random.bytes();
        tokio::task::spawn_blocking(move || {
            argon2()?
                .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
                .map(|hash| hash.to_string())
                .map_err(PasswordError::Argon2)
        })
        .await?
    }

    /// Whether `password` belongs to `hash`. Without a hash, because there is no such user, the answer is no and takes
    /// as long.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| DECOY_HASH.to_owned());
        let matches = tokio::task::spawn_blocking(move || {
            match argon2()?.verify_password(password.expose_secret().as_bytes(), hash.as_str()) {
                Ok(()) => Ok(true),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(PasswordError::Argon2(error)),
            }
        })
        .await??;
        Ok(matches && known)
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| PasswordError::Argon2(error.into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::{Fault, Input, Origin, validate};

    fn faults(password: &str) -> Vec<Fault> {
        validate::<NewPassword>(&Input::text(password), Origin::Json, "body").map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_new_password_has_a_digit_and_an_upper_case_letter() {
        for sound in ["Passw0rd", "passwörd1É", "passwordⒶ1", "PASSWORD٢", "Password⓪", "Passwor𝟎"] {
            assert!(validate::<NewPassword>(&Input::text(sound), Origin::Json, "body").is_ok(), "{sound}");
        }
        assert_eq!(faults("Passwordⅷ")[0].message, "Value error, Password must contain a number");
        assert_eq!(faults("passw0rd")[0].message, "Value error, Password must contain an uppercase letter");
        assert_eq!(faults(&"Aa1".repeat(43))[0].kind, "string_too_long");
    }

    #[test]
    fn a_refused_password_is_not_shown() {
        let shown = serde_json::to_string(&faults("passw0rd")).unwrap();
        assert!(!shown.contains("passw0rd"), "{shown}");
        assert!(!format!("{:?}", NewPassword(SecretString::from("Passw0rd"))).contains("Passw0rd"));
    }

    #[tokio::test]
    async fn a_hash_belongs_to_its_password_only() {
        let hasher = PasswordHasher::new(Random::system());
        let hash = hasher.hash("Passw0rd1".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("Passw0rd1".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("Passw0rd2".into(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_signs_in_without_an_account() {
        let hasher = PasswordHasher::new(Random::system());
        assert!(!hasher.verify("".into(), None).await.unwrap());
    }
}
