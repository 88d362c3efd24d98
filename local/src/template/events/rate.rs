//! `rate(…)`: how often something runs.

use std::time::Duration;

/// Reads what stands between the parentheses: `1 minute`, `5 hours`.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html>
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let fault = || format!("`rate({text})` must be a whole number and minute(s), hour(s) or day(s)");
    let (number, unit) = text.trim().split_once(' ').ok_or_else(fault)?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0).ok_or_else(fault)?;
    let unit = match (unit.trim(), number) {
        // EventBridge insists on the right form of the word.
        ("minute", 1) | ("minutes", 2..) => Duration::from_mins(1),
        ("hour", 1) | ("hours", 2..) => Duration::from_hours(1),
        ("day", 1) | ("days", 2..) => Duration::from_hours(24),
        _ => return Err(fault()),
    };
    Ok(unit * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_whole_numbers_of_units() {
        assert_eq!(parse("1 minute").unwrap(), Duration::from_mins(1));
        assert_eq!(parse("12 hours").unwrap(), Duration::from_hours(12));
        assert_eq!(parse("7 days").unwrap(), Duration::from_hours(7 * 24));
        for text in ["", "1", "0 minutes", "1 minutes", "2 minute", "-1 minutes", "1.5 hours", "30 seconds"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
