//! Points in time, as pydantic reads its `AwareDatetime`.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::{Constraints, Context, Input, Report, Validate};

/// Greater numbers are milliseconds, as in pydantic.
const MOST_SECONDS: i64 = 20_000_000_000;

/// RFC 3339 with an offset, or seconds or milliseconds since 1970.
impl Validate for Timestamp {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let text = match input {
            Input::String(text) => text.as_str(),
            Input::Number(number) if number.is_integer() => number.as_str(),
            _ => return report.fault("datetime_type", "Input should be a valid datetime", input, None),
        };
        if let Some(time) = text.parse().ok().and_then(since_1970).or_else(|| text.parse().ok()) {
            return Some(time);
        }
        if text.parse::<DateTime>().is_ok() {
            return report.fault("timezone_aware", "Input should have timezone info", input, None);
        }
        let reason =
            if text.len() < "2026-01-01".len() { "input is too short" } else { "it is not in RFC 3339's form" };
        let message = format!("Input should be a valid datetime or date, {reason}");
        let context = Context::of("error", Input::text(reason));
        report.fault("datetime_from_date_parsing", message, input, Some(context))
    }
}

fn since_1970(number: i64) -> Option<Timestamp> {
    if number.abs() > MOST_SECONDS {
        Timestamp::from_millisecond(number).ok()
    } else {
        Timestamp::from_second(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::{Origin, Rules, json, validate};

    #[derive(Debug, Validate)]
    struct Times {
        at: Timestamp,
    }

    fn read(value: &str) -> Result<String, &'static str> {
        let input = json::parse(format!(r#"{{"at": {value}}}"#).as_bytes()).unwrap();
        let read = validate::<Times>(&input, Origin::Json, "body", Rules::default());
        read.map(|times| times.at.to_string()).map_err(|faults| faults[0].kind)
    }

    #[test]
    fn times_are_read_as_pydantic_reads_them() {
        for (value, read_as) in [
            (r#""2027-01-15T08:00:00Z""#, Ok("2027-01-15T08:00:00Z")),
            (r#""2027-01-15T09:00:00.5+01:00""#, Ok("2027-01-15T08:00:00.5Z")),
            (r#""2027-01-15 08:00:00Z""#, Ok("2027-01-15T08:00:00Z")),
            ("1800000000", Ok("2027-01-15T08:00:00Z")),
            ("1800000000000", Ok("2027-01-15T08:00:00Z")),
            (r#""1800000000""#, Ok("2027-01-15T08:00:00Z")),
            (r#""2027-01-15T08:00:00""#, Err("timezone_aware")),
            (r#""2027""#, Ok("1970-01-01T00:33:47Z")),
            (r#""1 May""#, Err("datetime_from_date_parsing")),
            (r#""soon, in a moment""#, Err("datetime_from_date_parsing")),
            ("null", Err("datetime_type")),
            ("true", Err("datetime_type")),
            ("9223372036854775807", Err("datetime_from_date_parsing")),
        ] {
            assert_eq!(read(value), read_as.map(str::to_owned), "{value}");
        }
    }
}
