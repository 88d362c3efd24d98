//! Passwords: the rules that new ones follow, and their hashes.
//!
//! By default a new password has a digit and an upper-case letter, as the guides want it. Where sign-in is hardened it
//! follows OWASP ASVS 6.2 and NIST SP 800-63B section 3.1.1.2 instead: any characters, but not one of the passwords
//! that many people have (`password/common/`), and not the names that stand beside it with little else
//! ([`NewPassword::check_context`]).

mod common;
mod composition;
mod context;
mod hasher;
mod reusing_argon2;

use secrecy::{ExposeSecret, SecretString};
use utoipa::ToSchema;

use crate::user::User;
use crate::validation::{Constraints, Input, Report, Validate};

pub use hasher::{PasswordError, PasswordHasher, Verified};

/// How long a password is. It stands in the schema, too, which takes no constants.
const LENGTH: Constraints = Constraints { min_length: Some(MIN_LENGTH), max_length: Some(128), ..Constraints::NONE };
/// Fewest characters of a password, and of what is left of it without what everybody knows.
const MIN_LENGTH: usize = 8;

/// A password that its owner has just chosen: 8 to 128 characters, a digit and an upper-case letter among them. Where
/// sign-in is hardened any characters will do, but neither a password that many people have, nor one that has fewer
/// than 8 characters apart from the names and the address of the account and the name of the service.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "Passw0rd1")]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// The password, for hashing.
    pub fn into_secret(self) -> SecretString {
        self.0
    }

    /// Whether enough of the password is left without what everybody can know of `user`, as it is once the password is
    /// theirs, and without the service's own name (OWASP ASVS 6.2.11). A rule of hardened sign-in only, which no
    /// validation can check, because a request need not name all of it.
    ///
    /// # Errors
    /// The reason, as a sentence for people.
    pub fn check_context(&self, user: &User) -> Result<(), &'static str> {
        if context::characters_besides(self.0.expose_secret(), user) < MIN_LENGTH {
            return Err("Password must have 8 characters besides your names, your address and the name of the service");
        }
        Ok(())
    }
}

impl Validate for NewPassword {
    const SECRET: bool = true;

    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let password = SecretString::validate(input, &LENGTH, report)?;
        let text = password.expose_secret();
        let checked = if !report.rules().hardened {
            composition::check(text)
        } else if common::contains(text) {
            Err("Password is among those that are used most often")
        } else {
            Ok(())
        };
        match checked {
            Ok(()) => Some(Self(password)),
            Err(reason) => report.rule_broken(reason, input),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::{Fault, Origin, Rules, validate};

    const HARDENED: Rules = Rules { hardened: true };

    fn faults(password: &str, rules: Rules) -> Vec<Fault> {
        let read = validate::<NewPassword>(&Input::text(password), Origin::Json, "body", rules);
        read.map_or_else(|faults| faults, |_| Vec::new())
    }

    #[test]
    fn a_password_has_8_to_128_characters_whatever_the_rules() {
        for rules in [Rules::default(), HARDENED] {
            // Each of these characters takes two bytes.
            let of_length = |length: usize| format!("Ä1{}", "é".repeat(length - 2));
            for sound in [8, 64, 128] {
                assert_eq!(faults(&of_length(sound), rules), [], "{sound}");
            }
            for (length, kind) in [(7, "string_too_short"), (129, "string_too_long")] {
                assert_eq!(faults(&of_length(length), rules).remove(0).kind, kind, "{length}");
            }
        }
    }

    #[test]
    fn a_new_password_has_a_digit_and_an_upper_case_letter() {
        for sound in ["Passw0rd", "passwörd1É", "passwordⒶ1", "PASSWORD٢", "Password⓪", "Passwor𝟎"] {
            assert_eq!(faults(sound, Rules::default()), [], "{sound}");
        }
        let refused = |password: &str| faults(password, Rules::default()).remove(0);
        assert_eq!(refused("Passwordⅷ").message, "Value error, Password must contain a number");
        assert_eq!(refused("passw0rd").message, "Value error, Password must contain an uppercase letter");
        assert_eq!(refused(&"Aa1".repeat(43)).kind, "string_too_long");
    }

    #[test]
    fn a_hardened_password_is_made_of_anything_but_not_what_many_have() {
        for sound in ["eight no", "correct horse battery staple", "ふたつのいぬとねこ", &"x".repeat(128), "        "]
        {
            assert_eq!(faults(sound, HARDENED), [], "{sound}");
        }
        for common in ["password", "PASSWORD", "Passw0rd", "qwertyuiop", "!QAZ2wsx", "12345678", "iloveyou"] {
            let refused = faults(common, HARDENED).remove(0);
            assert_eq!(refused.kind, "value_error", "{common}");
            assert_eq!(refused.message, "Value error, Password is among those that are used most often");
        }
        assert_eq!(faults("short 7", HARDENED)[0].kind, "string_too_short");
        assert_eq!(faults(&"x".repeat(129), HARDENED)[0].kind, "string_too_long");
    }

    #[test]
    fn a_refused_password_is_not_shown() {
        for (password, rules) in [("passw0rd", Rules::default()), ("Passw0rd", HARDENED)] {
            let shown = serde_json::to_string(&faults(password, rules)).unwrap();
            assert!(shown.contains("value_error") && !shown.contains("assw0rd"), "{shown}");
        }
        assert!(!format!("{:?}", NewPassword(SecretString::from("Passw0rd"))).contains("Passw0rd"));
    }
}
