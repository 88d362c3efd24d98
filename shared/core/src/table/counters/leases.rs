use std::collections::HashMap;
use std::mem;

use super::counter::{Counter, Verdict};
use crate::limit::Accuracy;

/// Most counters that a sandbox remembers, about 2 MB of them. A hostile client with many addresses can't eat more.
const CAPACITY: usize = 10_000;

/// What a sandbox remembers of the counters that it has met, so that most reads and all refusals need no call.
///
/// Each request is one [`begin`](Self::begin). If that asks for a call, its outcome is told by
/// [`settle`](Self::settle), [`refuse`](Self::refuse) or [`give_back`](Self::give_back). A counter for which there is
/// no room is counted exactly, with a call at every request: the limits hold for it as well.
pub(super) struct Leases {
    by_key: HashMap<String, Lease>,
    /// No lease ends before this time, so that nobody needs to look for one.
    first_end: i64,
    capacity: usize,
}

/// What is known of a counter in one window.
#[derive(Debug, Clone, Copy)]
struct Lease {
    /// When the window ends.
    ends: i64,
    /// Requests that may pass without a call.
    left: u32,
    /// Requests that the counter has not been told of. They include those of `left` that are on credit.
    uncounted: u32,
    /// An estimate of how many requests may pass in all.
    remaining: u32,
    /// Whether the counter has nothing to give any more.
    used_up: bool,
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is decided.
    Decided(Verdict),
    /// The counter decides.
    Count(Claim),
}

/// What a counter is to be increased by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    /// Requests that have passed.
    arrears: u32,
    /// Requests that want to pass, the present one among them.
    block: u32,
}

/// What a call for one request claims.
const ONE: Claim = Claim { arrears: 0, block: 1 };

const REFUSED: Verdict = Verdict { allowed: false, remaining: 0 };

impl Claim {
    pub(super) fn amount(self) -> u32 {
        self.arrears.saturating_add(self.block)
    }
}

impl Leases {
    pub(super) fn new() -> Self {
        Self { by_key: HashMap::new(), first_end: i64::MAX, capacity: CAPACITY }
    }

    /// Takes one request of the counter.
    pub(super) fn begin(&mut self, counter: &Counter) -> Step {
        let quota = counter.quota;
        let lease = match counter.policy.accuracy() {
            Accuracy::Exact => self.current(counter),
            Accuracy::Leased => {
                let (block, remaining) = (quota.block(), quota.requests);
                let first = Lease { ends: counter.ends, left: block, uncounted: block, remaining, used_up: false };
                self.current_or(counter, first)
            }
        };
        let Some(lease) = lease else { return Step::Count(ONE) };
        if lease.left > 0 {
            lease.left -= 1;
            lease.remaining = lease.remaining.saturating_sub(1);
            Step::Decided(Verdict { allowed: true, remaining: lease.remaining })
        } else if lease.used_up {
            Step::Decided(REFUSED)
        } else {
            Step::Count(Claim { arrears: mem::take(&mut lease.uncounted), block: quota.block() })
        }
    }

    /// The counter was below its quota and has been increased by the claim, to `used`.
    ///
    /// The claims of one counter cover it without overlap, so that each request below the quota is given out once.
    /// Those of the claim that lie beyond it are not.
    pub(super) fn settle(&mut self, counter: &Counter, claim: Claim, used: u32) -> Verdict {
        let requests = counter.quota.requests;
        let given_out = used.saturating_sub(claim.block);
        let granted = requests.saturating_sub(given_out).min(claim.block);
        let Some(others) = granted.checked_sub(1) else { return self.refuse(counter) };
        let mut remaining = requests.saturating_sub(used);
        if let Some(lease) = self.current(counter) {
            lease.left = lease.left.saturating_add(others);
            remaining = remaining.saturating_add(lease.left);
            lease.remaining = remaining;
        }
        Verdict { allowed: true, remaining }
    }

    /// The counter has reached its quota: nothing passes until the window ends.
    pub(super) fn refuse(&mut self, counter: &Counter) -> Verdict {
        let refused = Lease { ends: counter.ends, left: 0, uncounted: 0, remaining: 0, used_up: true };
        if let Some(lease) = self.current_or(counter, refused) {
            lease.used_up = true;
        }
        REFUSED
    }

    /// The counter could not be told: nothing passes by it for now, and it still is to be told of what has passed.
    pub(super) fn give_back(&mut self, counter: &Counter, claim: Claim) -> Verdict {
        if let Some(lease) = self.current(counter) {
            lease.uncounted = lease.uncounted.saturating_add(claim.arrears);
        }
        REFUSED
    }

    fn current(&mut self, counter: &Counter) -> Option<&mut Lease> {
        self.by_key.get_mut(&counter.key).filter(|lease| lease.ends == counter.ends)
    }

    /// The lease of the counter, or `new` if it has none in this window. `None` if there is no room for it, or if it
    /// belongs to a window that has been left already.
    fn current_or(&mut self, counter: &Counter, new: Lease) -> Option<&mut Lease> {
        if !self.by_key.contains_key(&counter.key) && !self.has_room(counter.now) {
            return None;
        }
        let lease = self.by_key.entry(counter.key.clone()).or_insert(new);
        if lease.ends < new.ends {
            *lease = new;
        }
        self.first_end = self.first_end.min(lease.ends);
        (lease.ends == new.ends).then_some(lease)
    }

    /// Whether another lease fits in, after those whose window is over have been dropped.
    fn has_room(&mut self, now: i64) -> bool {
        if self.by_key.len() >= self.capacity && self.first_end <= now {
            self.by_key.retain(|_, lease| lease.ends > now);
            self.first_end = self.by_key.values().map(|lease| lease.ends).min().unwrap_or(i64::MAX);
        }
        self.by_key.len() < self.capacity
    }
}

#[cfg(test)]
mod tests;
