//! One of several names, as pydantic reads an enumeration.

use std::fmt::Display;
use std::str::FromStr;

use super::{Context, Input, Report};

/// Reads the name of one of `all`.
pub(crate) fn one_of<T: Copy + Display + FromStr>(all: &[T], input: &Input, report: &mut Report<'_>) -> Option<T> {
    if let Input::String(text) = input
        && let Ok(known) = text.parse()
    {
        return Some(known);
    }
    let (last, others) = all.split_last()?;
    let others: Vec<_> = others.iter().map(|known| format!("'{known}'")).collect();
    let expected = format!("{} or '{last}'", others.join(", "));
    report.fault(
        "enum",
        format!("Input should be {expected}"),
        input,
        Some(Context::of("expected", Input::text(expected))),
    )
}
