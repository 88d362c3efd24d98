//! Lockout: attempts to show who one is, and how long to wait after some have failed (OWASP ASVS 6.1.1, NIST SP
//! 800-63B-4 section 3.2.2).
//!
//! What is guessed at is counted before anybody hears how it was judged, so that guesses that race each other can't
//! pass together, and forgotten once an attempt has succeeded. Network addresses are counted after a failure, and a
//! success takes nothing off them: whoever has one account must not be free to guess at others.
//!
//! Sign-ins are counted by the name that is typed, whether or not somebody has it, and apart from what those who are
//! signed in show again: so a wait tells nothing about an account, and nobody can make its owner wait who is signed in.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest;
use uuid::Uuid;

use crate::limit::Subject;
use crate::user::UniqueName;

/// How many failures are free, and how long to wait after more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// So many attempts may fail without a wait.
    pub free: u32,
    /// Failures are counted in fixed windows of this length, and forgotten at the end of each.
    pub window: Duration,
}

/// The wait after the first failure that is not free. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait: an attacker must not be able to lock somebody out for long.
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// How often the wait doubles before it is the longest.
const DOUBLINGS: u32 = 5;

/// Who attempts, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contender {
    /// Whoever signs in under this name, which nobody need have.
    Name(UniqueName),
    /// A signed-in user who shows the password again.
    Password(Uuid),
    /// Whoever shows a code of this user's second factor.
    Code(Uuid),
    /// Whoever has this network address, whatever they say.
    Address(IpAddr),
}

impl Backoff {
    /// For what is guessed at: enough for somebody who tries out all the passwords that they remember.
    pub const SECRET: Self = Self { free: 10, window: Duration::from_hours(24) };
    /// For addresses, which many people may share: a window is over soon, so that their typos don't add up.
    pub const ADDRESS: Self = Self { free: 50, window: Duration::from_hours(1) };

    /// The waits by number of failures: each with the most failures that it holds for, the last for all that are more.
    /// Nobody waits after fewer than [`Backoff::free`].
    pub fn waits(self) -> impl Iterator<Item = (u32, Duration)> {
        (0..=DOUBLINGS).map(move |step| (self.free + step, (FIRST_WAIT * 2_u32.pow(step)).min(LONGEST_WAIT)))
    }

    /// How long to wait after so many failures.
    pub fn wait_after(self, failures: u32) -> Duration {
        if failures < self.free {
            return Duration::ZERO;
        }
        self.waits().find(|(most, _)| failures <= *most).map_or(LONGEST_WAIT, |(_, wait)| wait)
    }
}

impl Contender {
    /// What holds for such contenders.
    pub fn backoff(&self) -> Backoff {
        match self {
            Self::Name(_) | Self::Password(_) | Self::Code(_) => Backoff::SECRET,
            Self::Address(_) => Backoff::ADDRESS,
        }
    }

    /// The key under which failures are counted at this time, and the second at which the window ends. What somebody
    /// typed as a name may be a password, so it is hashed. Windows of different contenders begin at different times.
    pub fn window_at(&self, now: Timestamp) -> (String, i64) {
        let subject = match self {
            Self::Name(name) => format!("name#{}", hash_of(name.as_str())),
            Self::Password(user_id) => format!("password#{user_id}"),
            Self::Code(user_id) => format!("code#{user_id}"),
            Self::Address(address) => format!("address#{}", Subject::Address(*address)),
        };
        let length = i64::try_from(self.backoff().window.as_secs()).unwrap_or(i64::MAX);
        let hash = digest::digest(&digest::SHA256, subject.as_bytes());
        let shift = hash.as_ref().first_chunk().copied().map_or(0, u32::from_be_bytes);
        let shift = i64::from(shift).rem_euclid(length);
        let window = (now.as_second() + shift).div_euclid(length);
        (format!("lockout#{subject}#{window}"), (window + 1) * length - shift)
    }
}

fn hash_of(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits: Vec<_> = (8..18).map(|failures| Backoff::SECRET.wait_after(failures).as_secs()).collect();
        assert_eq!(waits, [0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn a_window_lasts_for_its_time_and_the_next_one_is_another() {
        let contender = Contender::Address("192.0.2.1".parse().unwrap());
        let (key, ends) = contender.window_at(Timestamp::from_second(1_800_000_000).unwrap());
        assert!((1..=3600).contains(&(ends - 1_800_000_000)));
        assert_eq!(contender.window_at(Timestamp::from_second(ends - 1).unwrap()), (key.clone(), ends));
        let (next, later) = contender.window_at(Timestamp::from_second(ends).unwrap());
        assert!(next != key && later == ends + 3600);
    }

    #[test]
    fn what_was_typed_as_a_name_is_not_kept() {
        let contender = Contender::Name(UniqueName::of("my-secret-password"));
        assert!(!contender.window_at(Timestamp::UNIX_EPOCH).0.contains("secret"));
    }
}
