//! Exact decimal numbers, within the bounds of a DynamoDB number.
//!
//! Our own type, because `rust_decimal` ends at 28 digits and `bigdecimal` at none: the first would refuse numbers that
//! DynamoDB holds, the second lets `1e999999999` allocate a gigabyte.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::validation::{Constraints, Context, Input, Report, Validate, float_text};

/// Most significant digits of a DynamoDB number.
const MAX_DIGITS: usize = 38;
/// Powers of ten of the first digit that a DynamoDB number can have.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;
/// Powers of ten of the first digit for which Python writes a number without an exponent.
const PLAIN_EXPONENTS: std::ops::Range<i64> = -4..16;

/// A decimal number of up to 38 digits with a first digit between 10^-130 and 10^125: what DynamoDB stores exactly.
///
/// Trailing zeros have no meaning: `9.50` is `9.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// The digits as an integer that does not end in a zero, or zero itself. 38 digits fit.
    digits: u128,
    /// The power of ten of the last digit.
    exponent: i64,
}

/// Why a text is no [`Decimal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// It is no number.
    #[error("not a decimal number")]
    NotANumber,
    /// It has more than 38 significant digits.
    #[error("more than {MAX_DIGITS} significant digits")]
    TooManyDigits,
    /// Its first digit is beyond 10^125 or before 10^-130.
    #[error("the exponent is out of range")]
    OutOfRange,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { negative: false, digits: 0, exponent: 0 };
    /// The largest: 38 nines.
    pub const MAX: Self = Self { negative: false, digits: 10_u128.pow(38) - 1, exponent: *EXPONENTS.end() - 37 };

    /// The power of ten of the first digit.
    fn magnitude(&self) -> i64 {
        self.exponent + self.digits.checked_ilog10().map_or(0, i64::from)
    }

    /// Compares without regard to the sign.
    fn compare_sizes(&self, other: &Self) -> Ordering {
        if self.digits == 0 || other.digits == 0 {
            return self.digits.cmp(&other.digits);
        }
        self.magnitude().cmp(&other.magnitude()).then_with(|| self.aligned().cmp(&other.aligned()))
    }

    /// The digits, padded with zeros to 38, so that numbers of the same magnitude compare as their digits do.
    fn aligned(&self) -> u128 {
        let count = self.digits.checked_ilog10().map_or(1, |log| log + 1);
        let padding = u32::try_from(MAX_DIGITS).unwrap_or(u32::MAX).saturating_sub(count);
        self.digits.saturating_mul(10_u128.saturating_pow(padding))
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads `12`, `+1.50`, `.5`, `1e-3` and `1_000`, as Python's `float` does, but exactly.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..)),
            Some(b'+') => (false, text.get(1..)),
            _ => (false, Some(text)),
        };
        let unsigned = without_separators(unsigned.unwrap_or_default()).ok_or(DecimalError::NotANumber)?;
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned.as_str(), 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !all_digits || whole.len() + fraction.len() == 0 {
            return Err(DecimalError::NotANumber);
        }

        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Ok(Self::ZERO);
        }
        if significant.len() > MAX_DIGITS {
            return Err(DecimalError::TooManyDigits);
        }
        let trailing_zeros = all.len() - all.trim_end_matches('0').len();
        let shift =
            i64::try_from(trailing_zeros).unwrap_or(i64::MAX) - i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let digits = significant.parse().map_err(|_| DecimalError::TooManyDigits)?;
        let decimal = Self { negative, digits, exponent: exponent.saturating_add(shift) };
        if EXPONENTS.contains(&decimal.magnitude()) { Ok(decimal) } else { Err(DecimalError::OutOfRange) }
    }
}

/// Drops underscores that stand between two digits; elsewhere they are an error.
fn without_separators(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '_' {
            plain.push(character);
        } else if !(plain.ends_with(|c: char| c.is_ascii_digit())
            && characters.peek().is_some_and(char::is_ascii_digit))
        {
            return None;
        }
    }
    Some(plain)
}

/// An exponent that doesn't fit is a number that is out of range, not something that is no number.
fn parse_exponent(text: &str) -> Result<i64, DecimalError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::NotANumber);
    }
    let size = digits.parse::<i32>().map_or(i64::from(i32::MAX), i64::from);
    Ok(if text.starts_with('-') { -size } else { size })
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.compare_sizes(other),
            (true, true) => other.compare_sizes(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Writes the number as Python writes a float: plainly where that is readable, else with an exponent.
impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            formatter.write_str("-")?;
        }
        let digits = self.digits.to_string();
        let magnitude = self.magnitude();
        if !PLAIN_EXPONENTS.contains(&magnitude) {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let sign = if magnitude < 0 { '-' } else { '+' };
            return write!(formatter, "{first}{point}{rest}e{sign}{:02}", magnitude.abs());
        }
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
        if self.exponent >= 0 {
            write!(formatter, "{digits}{}", zeros(self.exponent))
        } else if magnitude < 0 {
            write!(formatter, "0.{}{digits}", zeros(-magnitude - 1))
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(magnitude + 1).unwrap_or_default());
            write!(formatter, "{whole}.{fraction}")
        }
    }
}

/// A JSON number with all its digits, written past serde's binary floats.
impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl PartialSchema for Decimal {
    fn schema() -> RefOr<Schema> {
        let description = "An exact decimal number of up to 38 digits.";
        ObjectBuilder::new().schema_type(Type::Number).description(Some(description)).examples([1.5]).into()
    }
}

impl ToSchema for Decimal {}

impl Validate for Decimal {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let text = float_text(input, report)?;
        text.parse().map_or_else(|error: DecimalError| error.report(input, report), Some)
    }
}

impl DecimalError {
    /// Reports that `input`, a number to Python, is none that is stored exactly, and is `None`.
    pub fn report<T>(self, input: &Input, report: &mut Report<'_>) -> Option<T> {
        match self {
            Self::TooManyDigits => report.fault(
                "decimal_max_digits",
                format!("Decimal input should have no more than {MAX_DIGITS} digits in total"),
                input,
                Some(Context::of("max_digits", Input::integer(MAX_DIGITS as i128))),
            ),
            Self::OutOfRange => report.fault(
                "decimal_out_of_range",
                format!("Decimal input should be between 1e{} and 1e{}", EXPONENTS.start(), EXPONENTS.end()),
                input,
                None,
            ),
            Self::NotANumber => report.fault("finite_number", "Input should be a finite number", input, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_written_without_trailing_zeros_and_readably() {
        for (read, written) in [
            ("9.50", "9.5"),
            ("12", "12"),
            ("1200", "1200"),
            (".5", "0.5"),
            ("+1_000.250", "1000.25"),
            ("-0", "0"),
            ("0.00012", "0.00012"),
            ("0.000012", "1.2e-05"),
            ("10000000000000000000000000", "1e+25"),
            ("1234567890123456.5", "1234567890123456.5"),
            ("1e3", "1000"),
            ("-1.5E-2", "-0.015"),
            ("000.1", "0.1"),
        ] {
            assert_eq!(decimal(read).to_string(), written, "{read}");
        }
    }

    #[test]
    fn what_dynamodb_cannot_hold_is_refused() {
        assert!(Decimal::from_str(&"9".repeat(38)).is_ok());
        assert_eq!(Decimal::from_str(&"9".repeat(39)), Err(DecimalError::TooManyDigits));
        assert!(Decimal::from_str("9e125").is_ok());
        assert_eq!(Decimal::from_str("1e126"), Err(DecimalError::OutOfRange));
        assert!(Decimal::from_str("1e-130").is_ok());
        assert_eq!(Decimal::from_str("9e-131"), Err(DecimalError::OutOfRange));
        assert_eq!(Decimal::from_str("1e99999999999999999999"), Err(DecimalError::OutOfRange));
        for nonsense in ["", ".", "-", "1_", "_1", "1__0", "1e", "0x10", "12,5", "1e5.0", "nan", "٤٢", "1 2"] {
            assert_eq!(Decimal::from_str(nonsense), Err(DecimalError::NotANumber), "{nonsense}");
        }
    }

    #[test]
    fn order_is_that_of_the_numbers() {
        let sorted = ["-1e20", "-2", "-1.5", "-0.1", "0", "1e-100", "0.09", "0.1", "0.11", "9.4", "9.5", "10", "1e125"];
        for pair in sorted.windows(2) {
            assert!(decimal(pair[0]) < decimal(pair[1]), "{pair:?}");
        }
    }

    proptest! {
        #[test]
        fn a_number_survives_being_written_and_read(digits in 0_u128..10_u128.pow(37), exponent in -120_i64..80) {
            let number = decimal(&format!("{digits}e{exponent}"));
            prop_assert_eq!(decimal(&number.to_string()), number);
        }

        #[test]
        fn integers_compare_as_integers(left: i64, right: i64) {
            prop_assert_eq!(decimal(&left.to_string()).cmp(&decimal(&right.to_string())), left.cmp(&right));
        }
    }
}
