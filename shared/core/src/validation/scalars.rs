//! Strings, integers, booleans and UUIDs, with pydantic's lax coercions.

use secrecy::SecretString;
use uuid::Uuid;

use super::{Constraints, Context, Enforces, Input, Number, Report, Validate};

impl Validate for String {
    const ENFORCES: Enforces = Enforces { text: true, ..Enforces::NOTHING };

    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let Input::String(text) = input else {
            return report.fault("string_type", "Input should be a valid string", input, None);
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
            Input::Number(number) if number.is_integer() => match number.as_str() {
                "1" => Some(true),
                "0" | "-0" => Some(false),
                _ => None,
            },
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
        // pydantic reads UUIDs with an older version of the same library: its words are the same, and it knows the URN
        // prefix in lower case only.
        let parsed = match text.strip_prefix('U') {
            Some(_) => Err("invalid character: found `U` at 0".to_owned()),
            None => Self::parse_str(text).map_err(|error| error.to_string()),
        };
        parsed.map_or_else(
            |error| {
                let context = Context::of("error", Input::text(error.as_str()));
                report.fault("uuid_parsing", format!("Input should be a valid UUID, {error}"), input, Some(context))
            },
            Some,
        )
    }
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

/// Reads an integer as pydantic does: from numbers without a fraction, booleans, and text such as ` +1_000 ` or `4.0`.
/// Beyond 128 bits it saturates, which is beyond every bound here.
fn integer(input: &Input, report: &mut Report<'_>) -> Option<i128> {
    match input {
        Input::Bool(value) => Some(i128::from(*value)),
        Input::Number(number) if number.is_integer() => Some(saturating(number.as_str())),
        Input::Number(number) => from_float(number, input, report),
        Input::String(text) => integer_text(text).map(|digits| saturating(&digits)).or_else(|| {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            report.fault("int_parsing", message, input, None)
        }),
        _ => report.fault("int_type", "Input should be a valid integer", input, None),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "float casts saturate, which is what is wanted")]
fn from_float(number: &Number, input: &Input, report: &mut Report<'_>) -> Option<i128> {
    let value: f64 = number.as_str().parse().unwrap_or(f64::NAN);
    if !value.is_finite() {
        return report.fault("finite_number", "Input should be a finite number", input, None);
    }
    if value.fract() != 0.0 {
        let message = "Input should be a valid integer, got a number with a fractional part";
        return report.fault("int_from_float", message, input, None);
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
