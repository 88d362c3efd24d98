//! Errors for the log.

use std::error::Error;

/// An error and all that caused it, in one line. Only what errors say of themselves: never the request or the answer
/// that an SDK's error holds, for these can contain secrets.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
