//! Strings, integers, booleans and UUIDs, with pydantic's lax coercions.

use std::borrow::Cow;

use secrecy::SecretString;
use uuid::Uuid;

use super::{Constraints, Context, Enforces, Input, Number, Report, Validate};

impl Validate for String {
    const ENFORCES: Enforces = Enforces { text: true, ..Enforces::NOTHING };

    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let text = match input {
            Input::String(text) => text,
            Input::IllFormed(_) => {
                let message = "Input should be a valid string, unable to parse raw data as a unicode string";
                return report.fault("string_unicode", message, input, None);
            }
            _ => return report.fault("string_type", "Input should be a valid string", input, None),
        };
        let length = text.chars().count();
        if let Some(fewest) = constraints.min_length.filter(|fewest| length < *fewest) {
            let message = format!("String should have at least {fewest} {}", characters(fewest));
            let context = Context::of("min_length", Input::integer(fewest as i128));
            return report.fault("string_too_short", message, input, Some(context));
        }
        if let Some(most) = constraints.max_length.filter(|most| length > *most) {
            let message = format!("String should have at most {most} {}", characters(most));
            let context = Context::of("max_length", Input::integer(most as i128));
            return report.fault("string_too_long", message, input, Some(context));
        }
        if let Some(pattern) = constraints.pattern.filter(|pattern| !pattern.regex.is_match(text)) {
            let message = format!("String should match pattern '{}'", pattern.source);
            let context = Context::of("pattern", Input::text(pattern.source));
            return report.fault("string_pattern_mismatch", message, input, Some(context));
        }
        Some(text.clone())
    }
}

fn characters(count: usize) -> &'static str {
    if count == 1 { "character" } else { "characters" }
}

/// Text that is neither shown in faults nor printed.
impl Validate for SecretString {
    const SECRET: bool = true;
    const ENFORCES: Enforces = String::ENFORCES;

    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        String::validate(input, constraints, report).map(Into::into)
    }
}

impl Validate for bool {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let understood = match input {
            Input::Bool(value) => return Some(*value),
            // Of integers, pydantic looks only at those of 64 bits.
            Input::Number(number) if number.is_integer() && number.as_str().parse::<i64>().is_ok() => {
                match number.as_str() {
                    "1" => Some(true),
                    "0" | "-0" => Some(false),
                    _ => None,
                }
            }
            Input::Number(number) => match number.as_str().parse::<f64>() {
                Ok(1.0) => Some(true),
                Ok(0.0) => Some(false),
                _ => return report.fault("bool_type", "Input should be a valid boolean", input, None),
            },
            Input::String(text) => match text.to_ascii_lowercase().as_str() {
                "1" | "t" | "true" | "y" | "yes" | "on" => Some(true),
                "0" | "f" | "false" | "n" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => return report.fault("bool_type", "Input should be a valid boolean", input, None),
        };
        understood.or_else(|| {
            report.fault("bool_parsing", "Input should be a valid boolean, unable to interpret input", input, None)
        })
    }
}

impl Validate for Uuid {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let Input::String(text) = input else {
            let message = "UUID input should be a string, bytes or UUID object";
            return report.fault("uuid_type", message, input, None);
        };
        // The URN prefix is known in lower case only.
        let parsed = if text.starts_with('U') { None } else { Self::parse_str(text).ok() };
        parsed.or_else(|| {
            let error = uuid_error(text);
            let context = Context::of("error", Input::text(error.as_str()));
            report.fault("uuid_parsing", format!("Input should be a valid UUID, {error}"), input, Some(context))
        })
    }
}

/// What is wrong with a text that is no UUID, in the words of the version of the `uuid` crate that pydantic has. That one
/// takes a character for the lowest byte of its number, which is why some letters of other scripts pass for digits.
fn uuid_error(text: &str) -> String {
    const GROUPS: [(usize, usize); 5] = [(0, 8), (9, 4), (14, 4), (19, 4), (24, 12)];
    if text.is_empty() || text.len() > 45 {
        return format!("invalid length: found {}", text.len());
    }
    let braced = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(|inner| (1, inner));
    let urn = text.strip_prefix("urn:uuid:").map(|rest| (9, rest));
    // What is as long as a hyphenated UUID is looked at as one, by itself; else what is around it counts.
    let (offset, digits, hyphenated) = match (text.len(), braced.or(urn)) {
        (36, _) => (0, text, true),
        (38 | 45, Some((_, inner))) if inner.len() == 36 => (0, inner, true),
        (_, Some((offset, inner))) => (offset, inner, true),
        _ => (0, text, false),
    };
    let text = if offset == 0 { digits } else { text };
    let mut hyphens = Vec::new();
    for (index, character) in digits.char_indices() {
        match (u32::from(character) & 0xFF) as u8 {
            b'-' => hyphens.push(index),
            byte if byte.is_ascii_hexdigit() => {}
            _ => return format!("invalid character: found `{character}` at {}", index + offset),
        }
    }
    if hyphens.is_empty() && !hyphenated {
        return format!("invalid length: found {}", text.len());
    }
    if hyphens.len() != 4 {
        return format!("invalid group count: expected 5, found {}", hyphens.len() + 1);
    }
    // The last group ends where the whole text does, whatever encloses it.
    let ends = hyphens.into_iter().map(Some).chain([None]);
    let wrong = GROUPS.into_iter().zip(ends).enumerate().find_map(|(group, ((start, expected), end))| {
        let found = end.unwrap_or(text.len()).saturating_sub(start);
        (found != expected || end.is_none()).then_some((group, expected, found))
    });
    let (group, expected, found) = wrong.unwrap_or_default();
    format!("invalid group length in group {group}: expected {expected}, found {found}")
}

macro_rules! validate_integers {
    ($($type:ty),*) => {$(
        impl Validate for $type {
            const ENFORCES: Enforces = Enforces { range: true, ..Enforces::NOTHING };

            fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
                let value = integer(input, report)?;
                let least = constraints.minimum.map_or(i128::from(<$type>::MIN), i128::from);
                let most = constraints.maximum.map_or(i128::from(<$type>::MAX), i128::from);
                if value < least {
                    let message = format!("Input should be greater than or equal to {least}");
                    return report.fault("greater_than_equal", message, input, Some(Context::of("ge", Input::integer(least))));
                }
                if value > most {
                    let message = format!("Input should be less than or equal to {most}");
                    return report.fault("less_than_equal", message, input, Some(Context::of("le", Input::integer(most))));
                }
                Self::try_from(value).ok()
            }
        }
    )*};
}

validate_integers!(u8, u32);

/// Most digits of an integer in text, as in Python.
const MAX_INTEGER_DIGITS: usize = 4300;

fn too_large<T>(input: &Input, report: &mut Report<'_>) -> Option<T> {
    let message = "Unable to parse input string as an integer, exceeded maximum size";
    report.fault("int_parsing_size", message, input, None)
}

/// Reads an integer as pydantic does: from numbers without a fraction, booleans, and text such as ` +1_000 ` or `4.0`.
/// Beyond 128 bits it saturates, which is beyond every bound here.
fn integer(input: &Input, report: &mut Report<'_>) -> Option<i128> {
    match input {
        Input::Bool(value) => Some(i128::from(*value)),
        Input::Number(number) if number.is_integer() => Some(saturating(number.as_str())),
        Input::Number(number) => from_float(number, input, report),
        Input::String(text) => {
            let Some(digits) = integer_text(text) else {
                let message = "Input should be a valid integer, unable to parse string as an integer";
                return report.fault("int_parsing", message, input, None);
            };
            if digits.trim_start_matches(['-', '0']).len() > MAX_INTEGER_DIGITS {
                return too_large(input, report);
            }
            Some(saturating(&digits))
        }
        _ => report.fault("int_type", "Input should be a valid integer", input, None),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "of whole numbers within 64 bits")]
fn from_float(number: &Number, input: &Input, report: &mut Report<'_>) -> Option<i128> {
    let value: f64 = number.as_str().parse().unwrap_or(f64::NAN);
    if !value.is_finite() {
        return report.fault("finite_number", "Input should be a finite number", input, None);
    }
    if value.fract() != 0.0 {
        let message = "Input should be a valid integer, got a number with a fractional part";
        return report.fault("int_from_float", message, input, None);
    }
    // pydantic reads a float as an integer of 64 bits.
    if value.abs() >= -(i64::MIN as f64) {
        return too_large(input, report);
    }
    Some(value as i128)
}

/// The digits of an integer in text, with its sign, or `None` if it isn't one.
fn integer_text(text: &str) -> Option<String> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes() {
        [b'+', ..] => (false, text.get(1..)?),
        [b'-', ..] => (true, text.get(1..)?),
        _ => (false, text),
    };
    let digits = match digits.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return None,
        None => digits,
    };
    let grouped_well = digits.split('_').all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    grouped_well.then(|| format!("{}{}", if negative { "-" } else { "" }, digits.replace('_', "")))
}

fn saturating(digits: &str) -> i128 {
    digits.parse().unwrap_or(if digits.starts_with('-') { i128::MIN } else { i128::MAX })
}

/// The text of a number as Python's `float` would read it, in the notation of Rust's floats, or `None` with a fault
/// reported. It may say `nan` or `inf`, and more digits or larger exponents than a double has.
pub fn float_text<'a>(input: &'a Input, report: &mut Report<'_>) -> Option<Cow<'a, str>> {
    match input {
        Input::Bool(value) => Some(Cow::Borrowed(if *value { "1" } else { "0" })),
        // An integer that no double can hold is none to Python either.
        Input::Number(number) if !number.is_integer() || number.is_finite() => Some(Cow::Borrowed(number.as_str())),
        Input::String(text) => plain_float(text).or_else(|| {
            let message = "Input should be a valid number, unable to parse string as a number";
            report.fault("float_parsing", message, input, None)
        }),
        _ => report.fault("float_type", "Input should be a valid number", input, None),
    }
}

/// White space around it is passed over, or single underscores within it, but not both.
fn plain_float(text: &str) -> Option<Cow<'_, str>> {
    let is_float = |text: &str| text.parse::<f64>().is_ok();
    let trimmed = text.trim();
    if is_float(trimmed) {
        return Some(Cow::Borrowed(trimmed));
    }
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    Some(Cow::Owned(text.replace('_', ""))).filter(|text| is_float(text))
}
