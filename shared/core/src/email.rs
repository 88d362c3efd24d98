//! Email addresses, by the rules of pydantic's `EmailStr` (the Python package email-validator without DNS look-ups).

use std::fmt;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use utoipa::ToSchema;

use crate::validation::{Constraints, Context, Input, Report, Validate};

/// Most bytes of an address (RFC 3696, erratum 1690).
const MAX_LENGTH: usize = 254;
/// Most characters of text that is looked at, pydantic's own bound.
const MAX_INPUT_LENGTH: usize = 2048;
/// Most bytes of a domain name as sent (RFC 1035 section 2.3.4).
const MAX_DOMAIN_LENGTH: usize = 253;
/// Most bytes of a label of a domain name (RFC 1035 section 2.3.1).
const MAX_LABEL_LENGTH: usize = 63;
/// Top-level domains that can't receive mail (RFC 6761, RFC 6762, RFC 7686).
const SPECIAL_USE_DOMAINS: [&str; 6] = ["arpa", "invalid", "local", "localhost", "onion", "test"];
/// Mailbox names that are the same in capitals (RFC 2142).
const CASE_INSENSITIVE_MAILBOXES: [&str; 15] = [
    "info",
    "marketing",
    "sales",
    "support",
    "abuse",
    "noc",
    "security",
    "postmaster",
    "hostmaster",
    "usenet",
    "news",
    "webmaster",
    "www",
    "uucp",
    "ftp",
];

/// A syntactically valid, normalised email address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, ToSchema)]
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
        let text = text.trim();
        let address = without_display_name(text).unwrap_or(text);
        let (local, domain) = split(address)?;
        let local = check_local_part(local)?;
        let domain = check_domain(domain)?;
        let normalised = format!("{local}@{domain}");
        for length in [address.len(), normalised.len()] {
            if length > MAX_LENGTH {
                return fail(format!("The email address is too long {}.", excess(length, MAX_LENGTH)));
            }
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

fn excess(length: usize, limit: usize) -> String {
    let excess = length - limit;
    format!("({excess} character{} too many)", if excess == 1 { "" } else { "s" })
}

/// The address within `Ann <address>` or `"Ann" <address>`.
fn without_display_name(text: &str) -> Option<&str> {
    let (name, address) = text.strip_suffix('>')?.split_once('<')?;
    let name = name.trim();
    let quoted = name.len() > 2 && name.starts_with('"') && name.ends_with('"');
    let plain = name.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_!#$%&'*+-/=?^`{|}~".contains(c));
    ((quoted || plain) && !address.is_empty()).then_some(address)
}

/// Splits at the first `@` outside quotes. Quoted local parts are then refused, as pydantic refuses them.
fn split(address: &str) -> Result<(&str, &str), EmailError> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, character) in address.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '@' if !quoted => {
                return Ok((address.get(..at).unwrap_or_default(), address.get(at + 1..).unwrap_or_default()));
            }
            '<' if !quoted => return unfinished_display_name(address.get(at..).unwrap_or_default()),
            _ => {}
        }
    }
    if address.contains('﹫') {
        return fail("The email address has the \"small commercial at\" character instead of a regular at-sign.");
    }
    if address.contains('＠') {
        return fail("The email address has the \"full-width\" at-sign (@) character instead of a regular at-sign.");
    }
    fail("An email address must have an @-sign.")
}

/// What is wrong with an address in angle brackets that is not of the form `Ann <address>`.
fn unfinished_display_name<T>(brackets: &str) -> Result<T, EmailError> {
    if !brackets.contains('>') {
        return fail(
            "An open angle bracket at the start of the email address has to be followed by a close angle bracket at \
             the end.",
        );
    }
    if !brackets.ends_with('>') {
        return fail("There can't be anything after the email address.");
    }
    fail("A display name and angle brackets around the email address are not permitted here.")
}

fn check_local_part(local: &str) -> Result<String, EmailError> {
    if local.is_empty() {
        return fail("There must be something before the @-sign.");
    }
    if local.len() > 1 && local.starts_with('"') && local.ends_with('"') {
        return fail("Quoting the part before the @-sign is not allowed here.");
    }
    let bad = displayed(local.chars().filter(|c| !(is_atom_character(*c) || *c == '.')));
    if !bad.is_empty() {
        return fail(format!("The email address contains invalid characters before the @-sign: {bad}."));
    }
    check_dots(local, "cannot start with a", "cannot have a", " immediately before the @-sign", false)?;
    check_unsafe(local)?;
    let local: String = local.nfc().collect();
    let lower = local.to_ascii_lowercase();
    Ok(if CASE_INSENSITIVE_MAILBOXES.contains(&lower.as_str()) { lower } else { local })
}

/// `atext` of RFC 5322 section 3.2.3, with the extension of RFC 6531 section 3.3.
fn is_atom_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_!#$%&'*+-/=?^`{|}~".contains(c) || !c.is_ascii()
}

fn check_domain(domain: &str) -> Result<String, EmailError> {
    if domain.is_empty() {
        return fail("There must be something after the @-sign.");
    }
    if domain.starts_with('[') && domain.ends_with(']') {
        return fail("A bracketed IP address after the @-sign is not allowed here.");
    }
    let length = domain.chars().count();
    if length > MAX_DOMAIN_LENGTH {
        return fail(format!("The email address is too long after the @-sign {}.", excess(length, MAX_DOMAIN_LENGTH)));
    }
    let bad = displayed(domain.chars().filter(|c| c.is_ascii() && !(c.is_ascii_alphanumeric() || ".-".contains(*c))));
    if !bad.is_empty() {
        return fail(format!("The part after the @-sign contains invalid characters: {bad}."));
    }
    check_unsafe(domain)?;
    check_dots(domain, "cannot have a", "cannot end with a", "", true)?;
    if domain.split('.').any(|label| label.get(2..4) == Some("--") && !label.to_ascii_lowercase().starts_with("xn")) {
        return fail(
            "An email address cannot have two letters followed by two dashes immediately after the @-sign or after a \
             period, except Punycode.",
        );
    }
    let Ok(ascii) = idna::domain_to_ascii(domain) else {
        return fail("The part after the @-sign contains invalid characters (not a valid internationalized domain).");
    };
    if ascii.len() > MAX_DOMAIN_LENGTH {
        let excess = ascii.len() - MAX_DOMAIN_LENGTH;
        let plural = if excess == 1 { "" } else { "s" };
        return fail(format!(
            "The email address is too long after the @-sign ({excess} byte{plural} too many after IDNA encoding)."
        ));
    }
    if let Some(label) = ascii.split('.').find(|label| label.len() > MAX_LABEL_LENGTH) {
        let excess = excess(label.len(), MAX_LABEL_LENGTH);
        return fail(format!("After the @-sign, periods cannot be separated by so many characters {excess}."));
    }
    if !ascii.contains('.') {
        return fail("The part after the @-sign is not valid. It should have a period.");
    }
    if !ascii.ends_with(|last: char| last.is_ascii_alphabetic()) {
        return fail("The part after the @-sign is not valid. It is not within a valid top-level domain.");
    }
    if SPECIAL_USE_DOMAINS.iter().any(|special| ascii.rsplit('.').next() == Some(special)) {
        return fail("The part after the @-sign is a special-use or reserved name that cannot be used with email.");
    }
    let (unicode, valid) = idna::domain_to_unicode(&ascii);
    if valid.is_err() {
        return fail("The part after the @-sign is not valid IDNA.");
    }
    // UTS #46, by which the library goes, lets symbols through; IDNA 2008 (RFC 5892) has letters, digits and marks only.
    match unicode.chars().find(|c| !(c.is_alphanumeric() || is_combining_mark(*c) || ".-".contains(*c))) {
        Some(symbol) => {
            fail(format!("The part after the @-sign is invalid (Codepoint U+{:04X} not allowed).", u32::from(symbol)))
        }
        None => Ok(unicode),
    }
}

/// The rules about dots (RFC 5322 section 3.2.3) and, for host names, hyphens (RFC 952).
fn check_dots(part: &str, start: &str, end: &str, end_place: &str, host: bool) -> Result<(), EmailError> {
    let start_place = if host { " immediately after the @-sign" } else { "" };
    let check = |mark: char, name: &str| {
        if part.ends_with(mark) {
            return fail(format!("An email address {end} {name}{end_place}."));
        }
        if part.starts_with(mark) {
            return fail(format!("An email address {start} {name}{start_place}."));
        }
        Ok(())
    };
    check('.', "period")?;
    if part.contains("..") {
        return fail("An email address cannot have two periods in a row.");
    }
    if host {
        check('-', "hyphen")?;
        if part.contains(".-") || part.contains("-.") {
            return fail("An email address cannot have a period and a hyphen next to each other.");
        }
    }
    Ok(())
}

/// Refuses characters that change how the text around them looks, or that are no text.
fn check_unsafe(part: &str) -> Result<(), EmailError> {
    let bad = displayed(part.chars().enumerate().filter_map(|(index, c)| {
        let invisible = is_invisible(c);
        let private = matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..);
        let unsafe_here = c.is_control() || c.is_whitespace() || invisible || private;
        (unsafe_here || (index == 0 && is_combining_mark(c))).then_some(c)
    }));
    if bad.is_empty() { Ok(()) } else { fail(format!("The email address contains unsafe characters: {bad}.")) }
}

/// Format characters: they change how the text around them looks, or make two addresses look like one.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// The characters for a message: sorted, each once, quoted if they can be seen.
fn displayed(characters: impl Iterator<Item = char>) -> String {
    let shown: std::collections::BTreeSet<String> = characters
        .map(|c| match c {
            ' ' => "SPACE".to_owned(),
            '\\' => "\"\\\"".to_owned(),
            '\'' => "\"'\"".to_owned(),
            c if c.is_control() || c.is_whitespace() || is_invisible(c) || is_combining_mark(c) => {
                format!("U+{:04X}", u32::from(c))
            }
            c => format!("'{c}'"),
        })
        .collect();
    shown.into_iter().collect::<Vec<_>>().join(", ")
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
        assert_eq!(reason("a@☃.net"), "The part after the @-sign is invalid (Codepoint U+2603 not allowed).");
        assert_eq!(reason("a\u{200B}@example.com"), "The email address contains unsafe characters: U+200B.");
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
