//! The part before the @-sign.

use unicode_normalization::UnicodeNormalization;

use super::characters::{check_characters, check_dots, check_unsafe};
use super::{EmailError, fail};

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

/// `atext` of RFC 5322 section 3.2.3.
pub(super) fn is_ascii_atom(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_!#$%&'*+-/=?^`{|}~".contains(c)
}

/// The part as it is stored.
pub(super) fn check(local: &str, quoted: bool) -> Result<String, EmailError> {
    check_characters_of(local, quoted)?;
    let normalised: String = local.nfc().collect();
    if normalised != local {
        check_characters_of(&normalised, quoted)
            .map_err(|EmailError(reason)| EmailError(format!("After Unicode normalization: {reason}")))?;
    }
    if quoted {
        return fail("Quoting the part before the @-sign is not allowed here.");
    }
    let lower = normalised.to_ascii_lowercase();
    Ok(if CASE_INSENSITIVE_MAILBOXES.contains(&lower.as_str()) { lower } else { normalised })
}

fn check_characters_of(local: &str, quoted: bool) -> Result<(), EmailError> {
    if local.is_empty() {
        return fail("There must be something before the @-sign.");
    }
    // With the extension of RFC 6531 section 3.3.
    let is_atom = |c: char| is_ascii_atom(c) || !c.is_ascii();
    let is_dotted = |text: &str| text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom));
    if is_dotted(local) {
        return check_unsafe(local, false);
    }
    if quoted {
        let message = "The email address contains invalid characters in quotes before the @-sign";
        check_characters(local, message, |c| c.is_ascii_control())?;
        return check_unsafe(local, true);
    }
    let message = "The email address contains invalid characters before the @-sign";
    check_characters(local, message, |c| !is_atom(c) && c != '.')?;
    check_dots(
        local,
        "An email address cannot start with a {}.",
        "An email address cannot have a {} immediately before the @-sign.",
    )
}
