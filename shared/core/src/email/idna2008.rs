//! Labels of internationalised domain names by IDNA 2008 (RFC 5891 to 5893), with the faults of the Python package
//! `idna`. The `idna` crate goes by UTS #46 alone, which lets symbols through.

use std::ops::RangeInclusive;

use icu_normalizer::uts46::Uts46MapperBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{BidiClass, GeneralCategory, GeneralCategoryGroup, JoiningType, Script};
use idna::punycode;
use unicode_normalization::is_nfc;

use super::characters::{category, is_in, quoted};

/// What is wrong with a label.
pub(super) struct IdnaError(pub(super) String);

fn fail<T>(fault: impl Into<String>) -> Result<T, IdnaError> {
    Err(IdnaError(fault.into()))
}

/// A label in ASCII.
pub(super) fn to_ascii(label: &str) -> Result<String, IdnaError> {
    let ascii = if label.is_ascii() {
        to_unicode(label)?;
        label.to_owned()
    } else {
        check(label)?;
        format!("xn--{}", punycode::encode_str(label).unwrap_or_default())
    };
    if ascii.len() > 63 { fail("Label too long") } else { Ok(ascii) }
}

/// An ASCII label in lower case as people read it.
pub(super) fn to_unicode(label: &str) -> Result<String, IdnaError> {
    let Some(encoded) = label.strip_prefix("xn--") else {
        check(label)?;
        return Ok(label.to_owned());
    };
    if encoded.is_empty() {
        return fail("Malformed A-label, no Punycode eligible content found");
    }
    if encoded.ends_with('-') {
        return fail("A-label must not end with a hyphen");
    }
    // Python reads past a delimiter with nothing before it.
    let superfluous = encoded.strip_prefix('-').filter(|rest| !rest.contains('-'));
    let Some(decoded) = punycode::decode_to_string(superfluous.unwrap_or(encoded)) else {
        return fail("Invalid A-label");
    };
    if punycode::encode_str(&decoded).as_deref() != Some(encoded) {
        return fail("A-label is not the canonical Punycode encoding of its U-label");
    }
    check(&decoded)?;
    Ok(decoded)
}

fn check(label: &str) -> Result<(), IdnaError> {
    if label.is_empty() {
        return fail("Empty Label");
    }
    if !is_nfc(label) {
        return fail("Label must be in Normalization Form C");
    }
    let mut from_third = label.chars().skip(2);
    if from_third.next() == Some('-') && from_third.next() == Some('-') {
        return fail("Label has disallowed hyphens in 3rd and 4th position");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return fail("Label must not start or end with a hyphen");
    }
    if label.starts_with(|first| is_in(first, GeneralCategoryGroup::Mark)) {
        return fail("Label begins with an illegal combining character");
    }
    let characters: Vec<char> = label.chars().collect();
    for (index, c) in characters.iter().copied().enumerate() {
        let (code, position) = (u32::from(c), index + 1);
        let (before, after) = characters.split_at(index);
        let after = after.get(1..).unwrap_or_default();
        match class(c) {
            Class::Valid => {}
            Class::Joiner if joins(c, before, after) => {}
            Class::Contextual if fits(c, before, after) => {}
            Class::Joiner => {
                return fail(format!("Joiner U+{code:04X} not allowed at position {position} in {}", quoted(label)));
            }
            Class::Contextual => {
                return fail(format!("Codepoint U+{code:04X} not allowed at position {position} in {}", quoted(label)));
            }
            Class::Disallowed => {
                return fail(format!("Codepoint U+{code:04X} at position {position} of {} not allowed", quoted(label)));
            }
        }
    }
    if has_right_to_left(label) { check_direction(label) } else { Ok(()) }
}

/// The derived property of RFC 5892 section 3.
enum Class {
    Valid,
    Joiner,
    Contextual,
    Disallowed,
}

/// Exceptions (section 2.6), marks and musical symbols (section 2.4), and conjoining Hangul (section 2.9).
const DISALLOWED: [RangeInclusive<char>; 10] = [
    '\u{640}'..='\u{640}',
    '\u{7FA}'..='\u{7FA}',
    '\u{1100}'..='\u{11FF}',
    '\u{20D0}'..='\u{20FF}',
    '\u{302E}'..='\u{302F}',
    '\u{3031}'..='\u{3035}',
    '\u{303B}'..='\u{303B}',
    '\u{A960}'..='\u{A97C}',
    '\u{D7B0}'..='\u{D7FB}',
    '\u{1D100}'..='\u{1D24F}',
];

fn class(c: char) -> Class {
    match c {
        '-' | '0'..='9' | 'a'..='z' | 'ß' | 'ς' | '\u{6FD}' | '\u{6FE}' | '\u{F0B}' | '\u{3007}' => Class::Valid,
        '\u{200C}' | '\u{200D}' => Class::Joiner,
        '·' | '\u{375}' | '\u{5F3}' | '\u{5F4}' | '・' | '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' => {
            Class::Contextual
        }
        c if DISALLOWED.iter().any(|range| range.contains(&c)) => Class::Disallowed,
        c if is_letter_or_digit(c) && is_stable(c) => Class::Valid,
        _ => Class::Disallowed,
    }
}

fn is_letter_or_digit(c: char) -> bool {
    matches!(
        category(c),
        GeneralCategory::LowercaseLetter
            | GeneralCategory::UppercaseLetter
            | GeneralCategory::OtherLetter
            | GeneralCategory::DecimalNumber
            | GeneralCategory::ModifierLetter
            | GeneralCategory::NonspacingMark
            | GeneralCategory::SpacingMark
    )
}

/// What mapping changes is no stable part of a name.
fn is_stable(c: char) -> bool {
    Uts46MapperBorrowed::new().map_normalize(std::iter::once(c)).eq(std::iter::once(c))
}

/// Whether a joiner may stand here (RFC 5892 appendix A.1 and A.2).
fn joins(c: char, before: &[char], after: &[char]) -> bool {
    if before.last().is_some_and(|c| Uts46MapperBorrowed::new().is_virama(*c)) {
        return true;
    }
    let types = CodePointMapData::<JoiningType>::new();
    let opaque = |types_of: &mut dyn Iterator<Item = &char>| {
        types_of.map(|c| types.get(*c)).find(|joining| *joining != JoiningType::Transparent)
    };
    let left = opaque(&mut before.iter().rev());
    let right = opaque(&mut after.iter());
    c == '\u{200C}'
        && matches!(left, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// Whether a character that is allowed in some surroundings is in these (RFC 5892 appendix A.3 to A.9).
fn fits(c: char, before: &[char], after: &[char]) -> bool {
    let script = |c: &char| CodePointMapData::<Script>::new().get(*c);
    let anywhere = |found: &dyn Fn(&char) -> bool| before.iter().chain(after).any(found);
    match c {
        '·' => before.last() == Some(&'l') && after.first() == Some(&'l'),
        '\u{375}' => after.first().map(script) == Some(Script::Greek),
        '\u{5F3}' | '\u{5F4}' => before.last().map(script) == Some(Script::Hebrew),
        '・' => anywhere(&|c| matches!(script(c), Script::Hiragana | Script::Katakana | Script::Han)),
        '\u{660}'..='\u{669}' => !anywhere(&|c| ('\u{6F0}'..='\u{6F9}').contains(c)),
        _ => !anywhere(&|c| ('\u{660}'..='\u{669}').contains(c)),
    }
}

fn direction(c: char) -> BidiClass {
    CodePointMapData::<BidiClass>::new().get(c)
}

/// Whether any character is written from right to left.
pub(super) fn has_right_to_left(text: &str) -> bool {
    !text.is_ascii()
        && text
            .chars()
            .any(|c| matches!(direction(c), BidiClass::RightToLeft | BidiClass::ArabicLetter | BidiClass::ArabicNumber))
}

/// The Bidi Rule (RFC 5893 section 2).
pub(super) fn check_direction(label: &str) -> Result<(), IdnaError> {
    use BidiClass as B;
    let right_to_left = match label.chars().next().map(direction) {
        Some(B::RightToLeft | B::ArabicLetter) => true,
        Some(B::LeftToRight) => false,
        _ => {
            let label = quoted(label);
            return fail(format!("First codepoint in label {label} must be directionality L, R or AL"));
        }
    };
    let mut ends_well = false;
    let mut digits = None;
    for (index, c) in label.chars().enumerate() {
        let class = direction(c);
        let neutral = matches!(
            class,
            B::EuropeanSeparator
                | B::CommonSeparator
                | B::EuropeanTerminator
                | B::OtherNeutral
                | B::BoundaryNeutral
                | B::NonspacingMark
        );
        let ending = match class {
            B::EuropeanNumber => true,
            B::LeftToRight => !right_to_left,
            B::RightToLeft | B::ArabicLetter | B::ArabicNumber => right_to_left,
            _ => false,
        };
        if !neutral && !ending {
            let name = if right_to_left { "right-to-left" } else { "left-to-right" };
            return fail(format!("Invalid direction for codepoint at position {} in a {name} label", index + 1));
        }
        if class != B::NonspacingMark {
            ends_well = ending;
        }
        if right_to_left
            && matches!(class, B::ArabicNumber | B::EuropeanNumber)
            && *digits.get_or_insert(class) != class
        {
            return fail("Can not mix numeral types in a right-to-left label");
        }
    }
    if ends_well { Ok(()) } else { fail("Label ends with illegal codepoint directionality") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(label: &str) -> String {
        to_unicode(label).map_or_else(|IdnaError(fault)| fault, |sound| format!("{sound} is sound"))
    }

    #[test]
    fn labels_are_read_and_refused_as_by_pythons_idna() {
        for (label, expected) in [
            ("xn--bcher-kva", "bücher is sound"),
            ("xn--", "Malformed A-label, no Punycode eligible content found"),
            ("xn--bcher-", "A-label must not end with a hyphen"),
            ("xn--0", "Invalid A-label"),
            ("xn---bbk", "A-label is not the canonical Punycode encoding of its U-label"),
            ("xn---io5-6fn", "Label must not start or end with a hyphen"),
            ("xn--a", "Codepoint U+0080 at position 1 of '\\x80' not allowed"),
            ("xn--n3h", "Codepoint U+2603 at position 1 of '☃' not allowed"),
        ] {
            assert_eq!(fault(label), expected, "{label}");
        }
    }

    #[test]
    fn some_characters_are_allowed_in_some_surroundings() {
        for sound in ["l·l", "͵α", "א׳", "ア・", "क्\u{200D}ष", "ن\u{200C}ا", "ا١٢"] {
            assert!(to_ascii(sound).is_ok(), "{sound}");
        }
        for unsound in ["a·b", "·", "͵a", "a׳", "・", "a\u{200D}", "a\u{200C}b", "ا١۲", "אa", "aא", "א1٢"] {
            assert!(to_ascii(unsound).is_err(), "{unsound}");
        }
    }
}
