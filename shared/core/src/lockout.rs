//! Lockout: attempts to show who one is, and how long to wait after some have failed (OWASP ASVS 6.1.1, NIST SP 800-63B
//! section 5.2.2).
//!
//! An attempt is counted before it is judged, so that guesses that race each other can't pass together, and taken back once
//! it has succeeded. So what is counted are failures, and attempts that are still being judged.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use uuid::Uuid;

use crate::limit::Subject;
use crate::user::UniqueName;

/// How many failures are free, and how long to wait after more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// So many attempts may fail without a wait.
    pub free: u32,
}

/// The wait after the first failure that is not free. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait: an attacker must not be able to lock somebody out for long.
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// How often the wait doubles before it is the longest.
const DOUBLINGS: u32 = 5;
/// Failures are forgotten after so long without another.
pub const MEMORY: Duration = Duration::from_hours(24);

/// Who attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contender {
    /// Whoever says to be this user.
    Account(Uuid),
    /// Whoever says to have this name, which nobody has. Counted like a user's, so that an answer tells nothing.
    UnknownName(UniqueName),
    /// Whoever has this network address, whatever they say.
    Address(IpAddr),
}

impl Backoff {
    /// For accounts: enough for somebody who tries out all the passwords that they remember.
    pub const ACCOUNT: Self = Self { free: 10 };
    /// For addresses: many people may share one.
    pub const ADDRESS: Self = Self { free: 50 };

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
            Self::Account(_) | Self::UnknownName(_) => Backoff::ACCOUNT,
            Self::Address(_) => Backoff::ADDRESS,
        }
    }

    /// The contender as it stands in keys. What somebody typed as a name may be a password, so it is hashed.
    pub fn key(&self) -> String {
        match self {
            Self::Account(id) => format!("lockout#account#{id}"),
            Self::UnknownName(name) => {
                let hash = digest::digest(&digest::SHA256, name.as_str().as_bytes());
                format!("lockout#name#{}", URL_SAFE_NO_PAD.encode(hash))
            }
            Self::Address(address) => format!("lockout#address#{}", Subject::Address(*address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits: Vec<_> = (8..18).map(|failures| Backoff::ACCOUNT.wait_after(failures).as_secs()).collect();
        assert_eq!(waits, [0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
    }
}
