//! Email addresses, by the rules of pydantic's `EmailStr` (the Python package email-validator without DNS look-ups).

mod characters;
mod domain;
mod idna2008;
mod local_part;
mod smtp;
mod split;

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::characters::{excess, is_space, plural};
pub use self::smtp::SmtpError;
use self::split::{Split, without_display_name};
use crate::validation::{Constraints, Context, Input, Report, Validate};

/// Most bytes of an address (RFC 3696, erratum 1690).
const MAX_LENGTH: usize = 254;
/// Most characters of text that is looked at, pydantic's own bound.
const MAX_INPUT_LENGTH: usize = 2048;

/// A syntactically valid, normalised email address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(from = "String")]
#[schema(value_type = String, format = Email, max_length = 254, example = "ann@example.com")]
pub struct Email(String);

/// Why a text is no email address, as a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EmailError(String);

impl Email {
    /// Reads an address, also in the form `Ann <ann@example.com>`, and normalises it: Unicode NFC, the domain in lower
    /// case.
    ///
    /// # Errors
    /// The first fault, in email-validator's words.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.chars().count() > MAX_INPUT_LENGTH {
            return fail(format!("Length must not exceed {MAX_INPUT_LENGTH} characters"));
        }
        if text.contains(['\r', '\n']) {
            return fail("Carriage return and line feed characters are not allowed");
        }
        let address = without_display_name(text).unwrap_or(text).trim_matches(is_space);
        let Split { display_name, written_local, local, quoted, domain: written_domain } = Split::of(address)?;
        let local = local_part::check(&local, quoted)?;
        let domain = domain::check(written_domain)?;
        let written = format!("{written_local}@{written_domain}");
        check_written_length(&written)?;
        let normalised = format!("{local}@{}", domain.unicode);
        check_length(&normalised, "after normalization")?;
        if domain.ascii != domain.unicode {
            let ascii = format!("{local}@{}", domain.ascii);
            check_length(&ascii, "when the part after the @-sign is converted to IDNA ASCII")?;
        }
        if display_name {
            return fail("A display name and angle brackets around the email address are not permitted here.");
        }
        Ok(Self(normalised))
    }

    /// An address that was stored, and so has been checked before.
    pub fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// For what was stored; what comes from outside is validated.
impl From<String> for Email {
    fn from(address: String) -> Self {
        Self::from_stored(address)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Validate for Email {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let text = String::validate(input, &Constraints::NONE, report)?;
        Self::parse(&text).map_or_else(
            |EmailError(reason)| {
                let message = format!("value is not a valid email address: {reason}");
                report.fault("value_error", message, input, Some(Context::of("reason", Input::text(reason))))
            },
            Some,
        )
    }
}

fn fail<T>(reason: impl Into<String>) -> Result<T, EmailError> {
    Err(EmailError(reason.into()))
}

/// The address as it was written has characters that may take several bytes, so that how many of them are too many is
/// known only roughly.
fn check_written_length(address: &str) -> Result<(), EmailError> {
    let Some(bytes) = address.len().checked_sub(MAX_LENGTH).filter(|bytes| *bytes > 0) else { return Ok(()) };
    if address.is_ascii() {
        return fail(format!("The email address is too long {}.", excess(address.len(), MAX_LENGTH)));
    }
    let widest = address.chars().map(char::len_utf8).max().unwrap_or(1);
    let fewest = (bytes / widest).max(1);
    let range = if fewest == bytes { bytes.to_string() } else { format!("{fewest}-{bytes}") };
    fail(format!("The email address is too long ({range} character{} too many).", plural(bytes)))
}

fn check_length(address: &str, when: &str) -> Result<(), EmailError> {
    match address.len().checked_sub(MAX_LENGTH) {
        Some(bytes @ 1..) => {
            fail(format!("The email address is too long {when} ({bytes} byte{} too many).", plural(bytes)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        Email::parse(text).unwrap_err().0
    }

    #[test]
    fn addresses_are_normalised() {
        for (given, stored) in [
            ("  a.b+c@Example.COM ", "a.b+c@example.com"),
            ("å@example.com", "å@example.com"),
            ("a\u{30A}@example.com", "å@example.com"),
            ("a@bücher.example", "a@bücher.example"),
            ("a@xn--bcher-kva.example", "a@bücher.example"),
            ("INFO@example.com", "info@example.com"),
            ("Ann <ann@example.com>", "ann@example.com"),
        ] {
            assert_eq!(Email::parse(given).as_ref().map(Email::as_str), Ok(stored), "{given}");
        }
    }

    #[test]
    fn faults_are_worded_as_in_email_validator() {
        assert_eq!(reason("plain"), "An email address must have an @-sign.");
        assert_eq!(reason("a@b@example.com"), "The part after the @-sign contains invalid characters: '@'.");
        assert_eq!(reason("a@example.com."), "An email address cannot end with a period.");
        assert_eq!(reason("a.@example.com"), "An email address cannot have a period immediately before the @-sign.");
        assert_eq!(reason(".a@example.com"), "An email address cannot start with a period.");
        assert_eq!(reason("a@.example.com"), "An email address cannot have a period immediately after the @-sign.");
        assert_eq!(reason("a@-example.com"), "An email address cannot have a hyphen immediately after the @-sign.");
        assert_eq!(
            reason("a b@example.com"),
            "The email address contains invalid characters before the @-sign: SPACE."
        );
        assert_eq!(reason("a@localhost.test").split(' ').next(), Some("The"));
        assert_eq!(reason("a@example"), "The part after the @-sign is not valid. It should have a period.");
        assert_eq!(reason("@example.com"), "There must be something before the @-sign.");
        assert_eq!(reason("a@"), "There must be something after the @-sign.");
        assert_eq!(reason("a@example.com\n"), "Carriage return and line feed characters are not allowed");
        assert_eq!(
            reason("a@☃.net"),
            "The part after the @-sign is invalid (Codepoint U+2603 at position 1 of '☃' not allowed)."
        );
        assert_eq!(reason("a\u{200B}@example.com"), "The email address contains unsafe characters: ZERO WIDTH SPACE.");
        assert!(reason("Ann <a@example.com").starts_with("An open angle bracket at the start"));
        assert_eq!(reason("\"a b\"@example.com"), "Quoting the part before the @-sign is not allowed here.");
    }

    proptest::proptest! {
        #[test]
        fn an_accepted_address_is_accepted_again_unchanged(text in "[a-zé.+-]{1,8}@[a-zé.-]{1,12}\\.[a-z]{2,3}") {
            if let Ok(email) = Email::parse(&text) {
                proptest::prop_assert_eq!(Email::parse(email.as_str()), Ok(email));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = Email::parse(&text);
        }
    }
}
