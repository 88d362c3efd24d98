use std::str::FromStr;
use std::time::Duration;

use crate::random::Random;

/// How often and when a job that fails is tried again.
///
/// The wait doubles with each attempt, from `first` up to `longest`, and each wait is between half and the whole of
/// that at random, so that jobs that failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How often a job is tried in all. At least one.
    pub attempts: u32,
    /// The longest wait before the second attempt.
    pub first: Duration,
    /// The longest wait before any.
    pub longest: Duration,
}

/// Why a text says nothing about retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be like `attempts=12 first=10 longest=3600`, with the waits in seconds")]
pub struct RetriesError;

impl Default for Retries {
    /// Twelve attempts within three and a half hours.
    fn default() -> Self {
        Self { attempts: 12, first: Duration::from_secs(10), longest: Duration::from_hours(1) }
    }
}

impl Retries {
    /// How long to wait after this many attempts, `None` if that was the last one.
    pub fn wait(&self, attempts: u32, random: &Random) -> Option<Duration> {
        if attempts >= self.attempts {
            return None;
        }
        let doubled = 2_u32.checked_pow(attempts.saturating_sub(1)).and_then(|times| self.first.checked_mul(times));
        let longest = doubled.map_or(self.longest, |wait| wait.min(self.longest));
        let share = f64::from(u16::from_le_bytes(random.bytes())) / f64::from(u16::MAX);
        Some(longest.mul_f64(0.5 + share / 2.0))
    }
}

impl FromStr for Retries {
    type Err = RetriesError;

    fn from_str(text: &str) -> Result<Self, RetriesError> {
        let mut retries = Self::default();
        for pair in text.split_ascii_whitespace() {
            let (name, value) = pair.split_once('=').ok_or(RetriesError)?;
            let value: u32 = value.parse().map_err(|_| RetriesError)?;
            match name {
                "attempts" if value > 0 => retries.attempts = value,
                "first" => retries.first = Duration::from_secs(value.into()),
                "longest" => retries.longest = Duration::from_secs(value.into()),
                _ => return Err(RetriesError),
            }
        }
        Ok(retries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_attempts() {
        let (least, most) = (Random::from_fn(|bytes| bytes.fill(0)), Random::from_fn(|bytes| bytes.fill(255)));
        let retries = "attempts=5 first=10 longest=35".parse::<Retries>().unwrap();
        let waits = |random| (1..=5).map(move |attempts| retries.wait(attempts, random).map(|wait| wait.as_secs_f64()));
        assert_eq!(waits(&most).collect::<Vec<_>>(), [Some(10.0), Some(20.0), Some(35.0), Some(35.0), None]);
        assert_eq!(waits(&least).collect::<Vec<_>>(), [Some(5.0), Some(10.0), Some(17.5), Some(17.5), None]);
        let endless = Retries { attempts: u32::MAX, ..retries };
        assert_eq!(endless.wait(1_000_000, &most), Some(Duration::from_secs(35)));
    }

    #[test]
    fn a_setting_says_what_differs_from_the_default() {
        assert_eq!("".parse(), Ok(Retries::default()));
        assert_eq!("attempts=3".parse(), Ok(Retries { attempts: 3, ..Retries::default() }));
        for text in ["attempts=0", "attempts", "first=-1", "last=3"] {
            assert_eq!(text.parse::<Retries>(), Err(RetriesError), "{text}");
        }
    }
}
