use ring::digest;

use crate::limit::{Policy, Quota, Standing, Subject};

/// A counter as one request meets it: that of a policy, a subject and the window which the request falls into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) policy: Policy,
    pub(super) quota: Quota,
    /// `<policy>#<subject>`: the same in all windows.
    pub(super) key: String,
    /// Windows of the same key have different numbers.
    window: i64,
    /// When the window ends, in seconds since 1970.
    pub(super) ends: i64,
    /// When the request was made.
    pub(super) now: i64,
}

/// Whether a request passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) allowed: bool,
    /// How many more would pass.
    pub(super) remaining: u32,
}

impl Counter {
    /// The counter at the second `now`.
    ///
    /// Every key's windows begin at other times, so that clients that wait for their next window do not all come back
    /// at once. The shift depends on the key alone: all sandboxes agree on it, whatever they were built with.
    pub(super) fn at(now: i64, policy: Policy, subject: &Subject, quota: Quota) -> Self {
        let key = format!("{}#{subject}", policy.as_str());
        let hash = digest::digest(&digest::SHA256, key.as_bytes());
        let hash = hash.as_ref().first_chunk().copied().map_or(0, u32::from_be_bytes);
        let length = i64::from(quota.seconds.max(1));
        let shift = i64::from(hash) % length;
        let window = (now + shift).div_euclid(length);
        Self { policy, quota, key, window, ends: (window + 1) * length - shift, now }
    }

    /// The key of the counter's row. Every window has a row of its own: no reader depends on when old ones are swept,
    /// and no row takes more writes than one subject makes.
    pub(super) fn row_id(&self) -> String {
        format!("{}#{}", self.key, self.window)
    }

    /// Seconds until the window ends. At least one.
    pub(super) fn reset(&self) -> u32 {
        u32::try_from(self.ends - self.now).unwrap_or_default().max(1)
    }

    /// Where the verdict leaves the subject.
    pub(super) fn standing(&self, verdict: Verdict) -> Standing {
        let Verdict { allowed, remaining } = verdict;
        Standing { policy: self.policy, quota: self.quota, remaining, reset: self.reset(), allowed }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn at(now: i64, id: u128, seconds: u32) -> Counter {
        Counter::at(now, Policy::Writes, &Subject::User(Uuid::from_u128(id)), Quota { requests: 1, seconds })
    }

    proptest! {
        #[test]
        fn windows_follow_each_other_without_a_gap(now in 0_i64..10_000_000_000, id: u128, seconds in 1_u32..100_000) {
            let first = at(now, id, seconds);
            prop_assert!((1..=seconds).contains(&first.reset()));
            prop_assert_eq!(at(first.ends - 1, id, seconds).row_id(), first.row_id());
            let next = at(first.ends, id, seconds);
            prop_assert_eq!((next.window, next.reset()), (first.window + 1, seconds));
        }
    }

    #[test]
    fn windows_of_many_subjects_end_at_many_times() {
        let ends: HashSet<i64> = (0..1000).map(|id| at(1_800_000_000, id, 60).ends).collect();
        assert_eq!(ends.len(), 60);
    }
}
