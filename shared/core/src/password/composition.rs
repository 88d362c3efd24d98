//! What the guides ask of a password.

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

/// Whether a digit and an upper-case letter are in the password; if not, which is missing, as a sentence for people.
pub(super) fn check(password: &str) -> Result<(), &'static str> {
    // `is_numeric` would let Roman numerals through, which Python's `isdigit` does not.
    if !password.chars().any(|c| c.is_ascii_digit() || is_unicode_digit(c)) {
        return Err("Password must contain a number");
    }
    if !password.chars().any(char::is_uppercase) {
        return Err("Password must contain an uppercase letter");
    }
    Ok(())
}

/// The decimal digits of all scripts, and the superscripts, circled digits and the like that Python's `isdigit` counts
/// too (the Unicode property `Numeric_Type` is `Decimal` or `Digit`).
fn is_unicode_digit(c: char) -> bool {
    let decimal = CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::DecimalNumber;
    decimal
        || matches!(c,
            '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉' | '፩'..='፱' | '᧚' | '①'..='⑨' | '⑴'..='⑼' | '⒈'..='⒐' | '⓪'
            | '⓵'..='⓽' | '⓿' | '❶'..='❾' | '➀'..='➈' | '➊'..='➒' | '\u{10A40}'..='\u{10A43}'
            | '\u{10E60}'..='\u{10E68}' | '\u{11052}'..='\u{1105A}' | '\u{1F100}'..='\u{1F10A}')
}
