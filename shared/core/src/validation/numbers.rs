//! Integers and floats, with pydantic's lax coercions.

use std::borrow::Cow;

use super::{Constraints, Context, Enforces, Input, Number, Report, Validate};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::{Origin, Rules, validate};

    /// The value, or the type of the fault.
    fn integer_of(input: &Input) -> Result<u8, &'static str> {
        validate::<u8>(input, Origin::Json, "body", Rules::default()).map_err(|faults| faults[0].kind)
    }

    #[test]
    fn text_is_an_integer_where_pydantic_takes_it_for_one() {
        for (text, value) in
            [(" 42 ", 42), ("+1", 1), ("1_0", 10), ("00_1", 1), ("1_0.00", 10), ("-0", 0), ("\u{A0}7", 7)]
        {
            assert_eq!(integer_of(&Input::text(text)), Ok(value), "{text}");
        }
        for text in ["", "_1", "1_", "1__0", "+-1", "1.", ".0", "1.0_0", "1e0", "0x1", "٤", "1\u{1C}"] {
            assert_eq!(integer_of(&Input::text(text)), Err("int_parsing"), "{text}");
        }
        assert_eq!(integer_of(&Input::text("9".repeat(4301))), Err("int_parsing_size"));
        assert_eq!(integer_of(&Input::text("0".repeat(5000))), Ok(0));
    }

    #[test]
    fn a_float_is_an_integer_if_it_is_whole_and_has_64_bits() {
        for (number, expected) in [
            ("42.0", Ok(42)),
            ("42.5", Err("int_from_float")),
            ("1e18", Err("less_than_equal")),
            ("1e19", Err("int_parsing_size")),
            ("1e400", Err("finite_number")),
        ] {
            assert_eq!(integer_of(&Input::number(number)), expected, "{number}");
        }
    }

    #[test]
    fn text_is_a_float_where_pydantic_takes_it_for_one() {
        for text in ["1_.5", "1._5", "-_1", "1e_5", "i_nf", " 1.5\u{85}", "5.", "+.5", "NaN"] {
            assert!(plain_float(text).is_some(), "{text}");
        }
        for text in ["", ".", "_1", "1_", "1__5", " 1_0 ", "1e", "0x1", "1f", "١", "infinit", "1\u{200B}"] {
            assert!(plain_float(text).is_none(), "{text}");
        }
    }
}
