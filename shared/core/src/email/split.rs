//! Takes an address apart.

use icu_properties::props::GeneralCategoryGroup;
use unicode_normalization::UnicodeNormalization;

use super::characters::{check_characters, check_unsafe, display, is_in, is_space};
use super::local_part::is_ascii_atom;
use super::{EmailError, fail};

/// The parts of an address.
pub(super) struct Split<'a> {
    /// Whether there are angle brackets around it, with or without a name before them.
    pub(super) display_name: bool,
    /// What stands before the @-sign.
    pub(super) written_local: &'a str,
    /// The same without quotes and escapes.
    pub(super) local: String,
    pub(super) quoted: bool,
    pub(super) domain: &'a str,
}

/// What stands within `Ann <…>`, `"Ann" <…>` or `<…>`, if pydantic takes it for the address.
pub(super) fn without_display_name(text: &str) -> Option<&str> {
    let text = text.trim_matches(is_space);
    let rest = match text.strip_prefix('"') {
        // A quoted name ends with the last quote behind which there is an address in brackets.
        Some(quoted) => {
            quoted.rmatch_indices('"').filter(|(at, _)| *at > 0).map(|(at, _)| quoted.get(at + 1..)).find_map(
                |rest| {
                    rest.map(|rest| rest.trim_start_matches(is_space))
                        .filter(|rest| rest.starts_with('<') && rest.len() > 2)
                },
            )?
        }
        None => text.get(text.find(|c| !(is_name_character(c) || is_space(c)))?..)?,
    };
    rest.strip_prefix('<')?.strip_suffix('>').filter(|address| !address.is_empty())
}

fn is_name_character(c: char) -> bool {
    is_ascii_atom(c) || c == '.' || is_in(c, GeneralCategoryGroup::Letter) || is_in(c, GeneralCategoryGroup::Number)
}

impl<'a> Split<'a> {
    pub(super) fn of(address: &'a str) -> Result<Self, EmailError> {
        let (left, right) = split_at(address, &['@', '<'])?;
        let (display_name, written_local, right) = if right.starts_with('<') {
            check_display_name(left.trim_end_matches(is_space))?;
            let (local, right) = split_at(in_brackets(right)?, &['@'])?;
            (true, local, right)
        } else {
            (false, left, right)
        };
        let (local, quoted) = unquote(written_local)?;
        Ok(Self { display_name, written_local, local, quoted, domain: right.strip_prefix('@').unwrap_or(right) })
    }
}

/// Splits before the first of `specials` outside quotes.
fn split_at<'a>(text: &'a str, specials: &[char]) -> Result<(&'a str, &'a str), EmailError> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        if is_combined(text.get(at..).unwrap_or_default()) {
            continue;
        }
        if quoted {
            quoted = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
        } else if c == '"' {
            quoted = true;
        } else if specials.contains(&c) {
            return Ok(text.split_at(at));
        }
    }
    if text.contains('＠') {
        return fail("The email address has the \"full-width\" at-sign (@) character instead of a regular at-sign.");
    }
    if text.contains('﹫') {
        return fail("The email address has the \"small commercial at\" character instead of a regular at-sign.");
    }
    fail("An email address must have an @-sign.")
}

/// Whether the first character becomes another one with the marks that follow it, or when normalised at all.
fn is_combined(text: &str) -> bool {
    let mut characters = text.chars();
    let (first, second) = (characters.next(), characters.next());
    let plain = first.is_none_or(|c| c.is_ascii()) && second.is_none_or(|c| c.is_ascii());
    !plain && text.chars().take(32).nfc().next() != first
}

fn check_display_name(written: &str) -> Result<(), EmailError> {
    let (name, quoted) = unquote(written)?;
    if !quoted {
        let message = "The display name contains invalid characters when not quoted";
        check_characters(&name, message, |c| !is_ascii_atom(c) && c != ' ')?;
    }
    check_unsafe(&name, true)
}

fn in_brackets(text: &str) -> Result<&str, EmailError> {
    if !text.contains('>') {
        return fail(
            "An open angle bracket at the start of the email address has to be followed by a close angle bracket at \
             the end.",
        );
    }
    let inner = text.trim_end_matches(' ').strip_suffix('>').and_then(|text| text.strip_prefix('<'));
    inner.map_or_else(|| fail("There can't be anything after the email address."), Ok)
}

/// A text without the quotes around it and without escapes, and whether there were quotes.
fn unquote(text: &str) -> Result<(String, bool), EmailError> {
    let Some(rest) = text.strip_prefix('"') else { return Ok((text.to_owned(), false)) };
    let mut value = String::new();
    let mut characters = rest.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => value.extend(characters.next()),
            '"' if characters.as_str().is_empty() => break,
            '"' => {
                let extra: Vec<_> = characters.map(display).collect();
                return fail(format!("Extra character(s) found after close quote: {}", extra.join(", ")));
            }
            c => value.push(c),
        }
    }
    Ok((value, true))
}
