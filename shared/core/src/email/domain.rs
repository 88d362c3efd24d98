//! The part after the @-sign.

use std::net::Ipv6Addr;

use icu_normalizer::uts46::Uts46MapperBorrowed;

use super::characters::{check_characters, check_dots, check_ends, check_unsafe, excess, plural, quoted};
use super::idna2008::{self, IdnaError};
use super::{EmailError, fail};

/// Most bytes of a domain name as sent (RFC 1035 section 2.3.4).
const MAX_LENGTH: usize = 253;
/// Most bytes of a label of a domain name (RFC 1035 section 2.3.1).
const MAX_LABEL_LENGTH: usize = 63;
/// Top-level domains that can't receive mail (RFC 6761, RFC 6762, RFC 7686).
const SPECIAL_USE_DOMAINS: [&str; 6] = ["arpa", "invalid", "local", "localhost", "onion", "test"];
const INVALID: &str = "The part after the @-sign contains invalid characters";

/// A domain in both of its notations.
pub(super) struct Domain {
    pub(super) ascii: String,
    pub(super) unicode: String,
}

pub(super) fn check(written: &str) -> Result<Domain, EmailError> {
    if written.is_empty() {
        return fail("There must be something after the @-sign.");
    }
    if let Some(literal) = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return check_literal(literal);
    }
    let length = written.chars().count();
    if length > MAX_LENGTH {
        return fail(format!("The email address is too long after the @-sign {}.", excess(length, MAX_LENGTH)));
    }
    check_characters(written, INVALID, |c| !is_host_character(c))?;
    let domain = if written.is_ascii() { written.to_ascii_lowercase() } else { mapped(written)? };
    check_dots(
        &domain,
        "An email address cannot have a {} immediately after the @-sign.",
        "An email address cannot end with a {}.",
    )?;
    check_hyphens(&domain)?;
    let ascii = to_ascii(&domain)?;
    check_ascii(&ascii, written)?;
    let unicode = if ascii.contains("xn--") { to_unicode(&ascii)? } else { ascii.clone() };
    Ok(Domain { ascii, unicode })
}

fn is_host_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.') || !c.is_ascii()
}

/// The domain in lower case and with compatibility characters replaced (UTS #46 section 4).
fn mapped(written: &str) -> Result<String, EmailError> {
    check_unsafe(written, false)?;
    check_characters(written, INVALID, contains_dot)?;
    let mapper = Uts46MapperBorrowed::new();
    let is_disallowed = |c: char| mapper.map_normalize(std::iter::once(c)).any(|c| c == char::REPLACEMENT_CHARACTER);
    if let Some((index, c)) = written.chars().enumerate().find(|(_, c)| is_disallowed(*c)) {
        let code = u32::from(c);
        let position = format!("at position {} in {}", index + 1, quoted(written));
        return fail(format!("{INVALID} (Codepoint U+{code:04X} not allowed {position})."));
    }
    let domain: String = mapper.map_normalize(written.chars()).collect();
    check_characters(&domain, &format!("{INVALID} after Unicode normalization"), |c| !is_host_character(c))?;
    Ok(domain)
}

/// Whether the character decomposes into several, a full stop among them.
fn contains_dot(c: char) -> bool {
    matches!(c, '\u{2024}'..='\u{2026}' | '\u{2488}'..='\u{249B}' | '\u{33C2}' | '\u{33C7}' | '\u{33D8}' | '\u{FE52}' | '\u{1F100}')
}

/// The rules about hyphens (RFC 952, RFC 5891 section 4.2.3.1).
fn check_hyphens(domain: &str) -> Result<(), EmailError> {
    check_ends(
        domain,
        '-',
        "An email address cannot have a hyphen immediately after the @-sign.",
        "An email address cannot end with a hyphen.",
    )?;
    if domain.contains(".-") || domain.contains("-.") {
        return fail("An email address cannot have a period and a hyphen next to each other.");
    }
    let is_reserved = |label: &str| {
        let mut rest = label.chars();
        let start = (rest.next(), rest.next());
        start != (Some('x'), Some('n')) && rest.as_str().starts_with("--")
    };
    if domain.split('.').any(is_reserved) {
        return fail(
            "An email address cannot have two letters followed by two dashes immediately after the @-sign or after a \
             period, except Punycode.",
        );
    }
    Ok(())
}

fn to_ascii(domain: &str) -> Result<String, EmailError> {
    if domain.is_ascii() {
        return Ok(domain.to_owned());
    }
    let labels = domain.split('.').map(idna2008::to_ascii).collect::<Result<Vec<_>, _>>();
    labels
        .map(|labels| labels.join("."))
        .or_else(|IdnaError(fault)| fail(format!("The part after the @-sign is invalid ({fault}).")))
}

fn check_ascii(ascii: &str, written: &str) -> Result<(), EmailError> {
    if let Some(bytes @ 1..) = ascii.len().checked_sub(MAX_LENGTH) {
        let count = if ascii == written {
            excess(ascii.len(), MAX_LENGTH)
        } else {
            format!("({bytes} byte{} too many after IDNA encoding)", plural(bytes))
        };
        return fail(format!("The email address is too long after the @-sign {count}."));
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
    Ok(())
}

fn to_unicode(ascii: &str) -> Result<String, EmailError> {
    let not_idna = |IdnaError(fault)| EmailError(format!("The part after the @-sign is not valid IDNA ({fault})."));
    let labels = ascii.split('.').map(idna2008::to_unicode).collect::<Result<Vec<_>, _>>().map_err(not_idna)?;
    let unicode = labels.join(".");
    check_unsafe(&unicode, false)?;
    // One label that is written from right to left makes all labels subject to its rule (RFC 5893 section 2).
    if idna2008::has_right_to_left(&unicode) {
        unicode.split('.').try_for_each(idna2008::check_direction).map_err(not_idna)?;
    }
    Ok(unicode)
}

/// What is wrong with an address literal (RFC 5321 section 4.1.3); none is allowed.
fn check_literal<T>(literal: &str) -> Result<T, EmailError> {
    if !literal.is_empty() && literal.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        if let Some(fault) = ipv4_fault(literal) {
            return fail(format!(
                "The address in brackets after the @-sign is not valid: It is not an IPv4 address ({fault}) or is \
                 missing an address literal tag."
            ));
        }
    } else if literal.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("ipv6:")) {
        if literal.get(5..).and_then(|address| address.parse::<Ipv6Addr>().ok()).is_none() {
            return fail("The IPv6 address in brackets after the @-sign is not valid.");
        }
    } else if !literal.contains(':') {
        return fail("The part after the @-sign in brackets is not an IPv4 address and has no address literal tag.");
    } else {
        check_characters(literal, &format!("{INVALID} in brackets"), |c| !matches!(c, '\u{21}'..='\u{FA}'))?;
        return fail("The part after the @-sign contains an invalid address literal tag in brackets.");
    }
    fail("A bracketed IP address after the @-sign is not allowed here.")
}

/// What is wrong with digits and dots that are no IPv4 address, in the words of Python's `ipaddress`.
fn ipv4_fault(address: &str) -> Option<String> {
    let octets: Vec<&str> = address.split('.').collect();
    if octets.len() != 4 {
        return Some(format!("Expected 4 octets in '{address}'"));
    }
    octets.into_iter().find_map(|octet| match octet.len() {
        0 => Some(format!("Empty octet not permitted in '{address}'")),
        4.. => Some(format!("At most 3 characters permitted in '{octet}' in '{address}'")),
        2.. if octet.starts_with('0') => Some(format!("Leading zeros are not permitted in '{octet}' in '{address}'")),
        _ if octet.parse::<u8>().is_err() => Some(format!("Octet {octet} (> 255) not permitted in '{address}'")),
        _ => None,
    })
}
