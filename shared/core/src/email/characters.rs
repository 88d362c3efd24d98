//! Characters as email-validator judges and shows them.

use std::collections::BTreeSet;

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

use super::{EmailError, fail};

/// The names of spaces, format characters and the usual combining marks: lines of a code point and a name. From the
/// Unicode Character Database (Unicode License V3), whose names never change; other characters are shown by their code
/// points.
const NAMES: &str = include_str!("names.txt");

pub(super) fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

pub(super) fn is_in(c: char, group: GeneralCategoryGroup) -> bool {
    group.contains(category(c))
}

/// White space, to Python.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1C}'..='\u{1F}')
}

/// Letters, numbers, punctuation and symbols: what can be seen.
fn is_visible(c: char) -> bool {
    const VISIBLE: GeneralCategoryGroup = GeneralCategoryGroup::Letter
        .union(GeneralCategoryGroup::Number)
        .union(GeneralCategoryGroup::Punctuation)
        .union(GeneralCategoryGroup::Symbol);
    c.is_ascii_graphic() || is_in(c, VISIBLE)
}

/// Refuses characters that change how the text around them looks, or that are no text.
pub(super) fn check_unsafe(text: &str, allow_space: bool) -> Result<(), EmailError> {
    let is_unsafe = |(index, c): (usize, char)| match category(c) {
        _ if is_visible(c) => false,
        // A mark would change the character before the text.
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark => index == 0,
        GeneralCategory::SpaceSeparator => !allow_space,
        _ => true,
    };
    let found: BTreeSet<char> = text.chars().enumerate().filter(|each| is_unsafe(*each)).map(|(_, c)| c).collect();
    if found.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = found.into_iter().map(display).collect();
    fail(format!("The email address contains unsafe characters: {}.", shown.join(", ")))
}

/// Refuses the characters that `is_bad` finds: `message` is followed by a list of them.
pub(super) fn check_characters(text: &str, message: &str, is_bad: impl Fn(char) -> bool) -> Result<(), EmailError> {
    let found: BTreeSet<String> = text.chars().filter(|c| is_bad(*c)).map(display).collect();
    if found.is_empty() {
        return Ok(());
    }
    fail(format!("{message}: {}.", found.into_iter().collect::<Vec<_>>().join(", ")))
}

/// A character for a message: quoted if it can be seen, else its name.
pub(super) fn display(c: char) -> String {
    match c {
        '\\' => "\"\\\"".to_owned(),
        ' ' => "SPACE".to_owned(),
        c if is_visible(c) => quoted(c.encode_utf8(&mut [0; 4])),
        c => name(c).unwrap_or_else(|| {
            let code = u32::from(c);
            if code < 0xFFFF { format!("U+{code:04X}") } else { format!("U+{code:08X}") }
        }),
    }
}

fn name(c: char) -> Option<String> {
    let code = format!("{:04X} ", u32::from(c));
    NAMES.lines().find_map(|line| line.strip_prefix(&code)).map(ToOwned::to_owned)
}

/// A text as Python's `repr` writes it.
pub(super) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let inner: String = text.chars().map(|c| escaped(c, quote)).collect();
    format!("{quote}{inner}{quote}")
}

fn escaped(c: char, quote: char) -> String {
    match (c, u32::from(c)) {
        ('\n', _) => "\\n".to_owned(),
        ('\r', _) => "\\r".to_owned(),
        ('\t', _) => "\\t".to_owned(),
        (c, _) if c == quote || c == '\\' => format!("\\{c}"),
        (c, _) if c == ' ' || is_visible(c) || is_in(c, GeneralCategoryGroup::Mark) => c.to_string(),
        (_, code @ ..=0xFF) => format!("\\x{code:02x}"),
        (_, code @ ..=0xFFFF) => format!("\\u{code:04x}"),
        (_, code) => format!("\\U{code:08x}"),
    }
}

pub(super) fn excess(length: usize, limit: usize) -> String {
    let excess = length.saturating_sub(limit);
    format!("({excess} character{} too many)", plural(excess))
}

pub(super) fn plural(count: usize) -> &'static str {
    if count > 1 { "s" } else { "" }
}

/// The rules about dots (RFC 5322 section 3.2.3). `start` and `end` are what an address can't do there.
pub(super) fn check_dots(part: &str, start: &str, end: &str) -> Result<(), EmailError> {
    check_ends(part, '.', &start.replace("{}", "period"), &end.replace("{}", "period"))?;
    if part.contains("..") { fail("An email address cannot have two periods in a row.") } else { Ok(()) }
}

pub(super) fn check_ends(part: &str, mark: char, start: &str, end: &str) -> Result<(), EmailError> {
    if part.ends_with(mark) {
        return fail(end);
    }
    if part.starts_with(mark) { fail(start) } else { Ok(()) }
}
