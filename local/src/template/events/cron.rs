//! `cron(…)`: the times of a calendar, in UTC.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// How far ahead is looked for the next time. The 29th of February comes at least every eight years.
const HORIZON_DAYS: u32 = 9 * 366;

/// A cron expression of AWS: minutes, hours, day of the month, month, day of the week, year.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: BTreeSet<u16>,
    hours: BTreeSet<u16>,
    days: Days,
    months: BTreeSet<u16>,
    years: BTreeSet<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(BTreeSet<u16>),
    /// Sunday is 1.
    OfWeek(BTreeSet<u16>),
}

impl Cron {
    /// Reads what stands between the parentheses. Wildcards `L`, `W` and `#` are not understood.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, of_month, month, of_week, years] = fields.as_slice() else {
            return Err(format!("`cron({text})` must have six fields"));
        };
        let days = match (*of_month, *of_week) {
            ("?", "?") => return Err(format!("`cron({text})` names no day: one of its `?` must be `*`")),
            (of_month, "?") => Days::OfMonth(field(of_month, 1, 31, &[])?),
            ("?", of_week) => Days::OfWeek(field(of_week, 1, 7, DAYS)?),
            _ => return Err(format!("`cron({text})` names days twice: one of the two fields must be `?`")),
        };
        Ok(Self {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days,
            months: field(month, 1, 12, MONTHS)?,
            years: field(years, 1970, 2199, &[])?,
        })
    }

    /// The first time after `now`, if there is one in the years to come.
    pub(crate) fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let start = now.to_zoned(TimeZone::UTC);
        let mut date = start.date();
        // Seconds do not count: the minute of `now` is over.
        let mut earliest = (start.hour().cast_unsigned(), start.minute().cast_unsigned() + 1);
        for _ in 0..HORIZON_DAYS {
            if self.includes(date)
                && let Some((hour, minute)) = self.time_from(earliest)
            {
                let time = Time::new(hour, minute, 0, 0).ok()?;
                return date.to_datetime(time).to_zoned(TimeZone::UTC).ok().map(|next| next.timestamp());
            }
            earliest = (0, 0);
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }

    fn includes(&self, date: Date) -> bool {
        let day = match &self.days {
            Days::OfMonth(days) => days.contains(&date.day().cast_unsigned().into()),
            Days::OfWeek(days) => days.contains(&number(date.weekday())),
        };
        day && self.months.contains(&date.month().cast_unsigned().into())
            && self.years.contains(&date.year().cast_unsigned())
    }

    /// The first hour and minute of a day that is not before `earliest`.
    fn time_from(&self, (hour, minute): (u8, u8)) -> Option<(i8, i8)> {
        let first_minute = *self.minutes.first()?;
        let (hour, minute) = (u16::from(hour), u16::from(minute));
        let this_hour = self
            .hours
            .contains(&hour)
            .then(|| self.minutes.range(minute..).next())
            .flatten()
            .map(|found| (hour, *found));
        let (hour, minute) =
            this_hour.or_else(|| self.hours.range(hour + 1..).next().map(|later| (*later, first_minute)))?;
        Some((i8::try_from(hour).ok()?, i8::try_from(minute).ok()?))
    }
}

fn number(weekday: Weekday) -> u16 {
    weekday.to_sunday_one_offset().cast_unsigned().into()
}

/// The values of one field: `*`, or a list of values, ranges and steps (`5/10`, `*/10`).
fn field(text: &str, min: u16, max: u16, names: &[&str]) -> Result<BTreeSet<u16>, String> {
    let mut values = BTreeSet::new();
    for part in text.split(',') {
        let fault = || format!("the local cloud does not understand `{part}` in a cron expression here");
        let value = |text: &str| {
            let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
            let value = match named.and_then(|index| u16::try_from(index).ok()) {
                Some(index) => min + index,
                None => text.parse().map_err(|_| fault())?,
            };
            if (min..=max).contains(&value) { Ok(value) } else { Err(fault()) }
        };
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0).ok_or_else(fault)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((first, last)) => (value(first)?, value(last)?),
            // A value with a step is where the steps begin.
            None if part.contains('/') => (value(range)?, max),
            None => (value(range)?, value(range)?),
        };
        if first > last {
            return Err(fault());
        }
        values.extend((first..=last).step_by(step));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, now: &str) -> String {
        let cron = Cron::parse(expression).unwrap();
        cron.next_after(now.parse().unwrap()).map_or_else(|| "never".to_owned(), |time| time.to_string())
    }

    #[test]
    fn the_next_time_is_after_now() {
        assert_eq!(next("0 3 * * ? *", "2026-11-20T02:59:59Z"), "2026-11-20T03:00:00Z");
        assert_eq!(next("0 3 * * ? *", "2026-11-20T03:00:00Z"), "2026-11-21T03:00:00Z");
        assert_eq!(next("*/15 * * * ? *", "2026-12-31T23:50:10Z"), "2027-01-01T00:00:00Z");
        assert_eq!(next("5/20 8-9,17 * * ? *", "2026-11-20T09:45:00Z"), "2026-11-20T17:05:00Z");
        assert_eq!(next("0 0 29 FEB ? *", "2026-11-20T00:00:00Z"), "2028-02-29T00:00:00Z");
    }

    #[test]
    fn days_of_the_week_begin_with_sunday() {
        // The 20th of November 2026 is a Friday.
        assert_eq!(next("0 12 ? * MON-FRI *", "2026-11-20T12:00:00Z"), "2026-11-23T12:00:00Z");
        assert_eq!(next("0 12 ? * 1 *", "2026-11-20T12:00:00Z"), "2026-11-22T12:00:00Z");
    }

    #[test]
    fn a_time_that_is_over_never_comes() {
        assert_eq!(next("0 0 1 1 ? 2020", "2026-11-20T00:00:00Z"), "never");
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for text in [
            "0 3 * * ?",
            "0 3 * * * *",
            "0 3 ? * ? *",
            "0 3 L * ? *",
            "0 3 15W * ? *",
            "0 3 ? * 2#1 *",
            "60 3 * * ? *",
            "0 9-8 * * ? *",
            "0/0 3 * * ? *",
            "0 3 0 * ? *",
            "",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
    }
}
