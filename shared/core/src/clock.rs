//! The time, as something that is passed in.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// Where the time comes from: the system's clock, or a test's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    ///
    /// In debug builds, and in those alone, it is off by `CLOCK_OFFSET` seconds, so that tests of real binaries can say
    /// what becomes of a machine whose clock is wrong.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for the time")]
    pub fn system() -> Self {
        let offset = if cfg!(debug_assertions) { std::env::var("CLOCK_OFFSET").ok() } else { None };
        match offset.and_then(|seconds| seconds.parse().ok()).map(SignedDuration::from_secs) {
            None => Self::from_fn(Timestamp::now),
            Some(offset) => Self::from_fn(move || Timestamp::now().saturating_add(offset).unwrap_or(Timestamp::MAX)),
        }
    }

    /// A clock that shows what `now` returns.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time, to the microsecond: more digits would not survive clients in other languages.
    pub fn now(&self) -> Timestamp {
        let now = (self.0)();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}
