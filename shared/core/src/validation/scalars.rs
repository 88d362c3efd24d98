//! Strings and booleans, with pydantic's lax coercions.

use secrecy::SecretString;

use super::{Constraints, Context, Enforces, Input, Report, Validate};

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
