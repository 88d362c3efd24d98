use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::limit::{Policy, Quota, Subject};

const NOW: i64 = 1_800_000_000;

fn counter(policy: Policy, user: u128, requests: u32) -> Counter {
    Counter::at(NOW, policy, &Subject::User(Uuid::from_u128(user)), Quota { requests, seconds: 60 })
}

/// The window after the counter's.
fn next(counter: &Counter) -> Counter {
    let mut next = counter.clone();
    next.now = counter.ends;
    next.ends = counter.ends + 60;
    next
}

/// One request against `used`, which stands for the counter's row. Returns the verdict and whether it took a call.
fn take(leases: &mut Leases, counter: &Counter, used: &mut u32) -> (Verdict, bool) {
    match leases.begin(counter) {
        Step::Decided(verdict) => (verdict, false),
        Step::Count(_) if *used >= counter.quota.requests => (leases.refuse(counter), true),
        Step::Count(claim) => {
            *used += claim.amount();
            (leases.settle(counter, claim, *used), true)
        }
    }
}

#[test]
fn one_sandbox_lets_exactly_the_quota_pass() {
    for (policy, requests) in (1..250).flat_map(|requests| [(Policy::Reads, requests), (Policy::Writes, requests)]) {
        let (mut leases, counter, mut used) = (Leases::new(), counter(policy, 1, requests), 0);
        for remaining in (0..requests).rev() {
            let (verdict, _) = take(&mut leases, &counter, &mut used);
            assert_eq!(verdict, Verdict { allowed: true, remaining }, "{policy:?} {requests}");
        }
        for _ in 0..3 {
            assert_eq!(take(&mut leases, &counter, &mut used).0, REFUSED, "{policy:?} {requests}");
        }
    }
}

proptest! {
    #[test]
    fn several_sandboxes_together_pass_the_quota_and_at_most_a_block_more_for_each_but_the_first(
        // Small quotas too, which end within the first blocks.
        requests in prop_oneof![1_u32..6, 90_u32..110, 1_u32..600],
        order in prop::collection::vec(0_usize..5, 0..2000),
    ) {
        let (counter, mut used, mut passed) = (counter(Policy::Reads, 1, requests), 0, 0);
        let mut sandboxes: Vec<Leases> = (0..5).map(|_| Leases::new()).collect();
        // Some order, and then whatever they still let pass.
        let rest = (0..5).flat_map(|sandbox| (0..=requests).map(move |_| sandbox));
        for sandbox in order.into_iter().chain(rest) {
            let (verdict, _) = take(&mut sandboxes[sandbox], &counter, &mut used);
            passed += u32::from(verdict.allowed);
            prop_assert!(verdict.remaining <= requests);
        }
        prop_assert!((requests..=requests + 4 * counter.quota.block()).contains(&passed), "{passed} of {requests}");
    }

    #[test]
    fn a_call_is_made_once_in_a_block_and_none_after_the_refusal(requests in 50_u32..2000) {
        let (mut leases, counter, mut used) = (Leases::new(), counter(Policy::Reads, 1, requests), 0);
        let block = counter.quota.block();
        let calls: Vec<u32> =
            (0..requests * 2).filter(|_| take(&mut leases, &counter, &mut used).1).collect();
        prop_assert_eq!(calls[0], block, "the first block is free");
        prop_assert!(calls.windows(2).all(|pair| pair[1] - pair[0] == block || pair[1] == requests), "{calls:?}");
        prop_assert!(*calls.last().unwrap() <= requests);
    }
}

#[test]
fn a_new_window_begins_with_a_new_block() {
    let (mut leases, mut counter, mut used) = (Leases::new(), counter(Policy::Reads, 1, 100), 0);
    for _ in 0..3 {
        assert_eq!(take(&mut leases, &counter, &mut used), (Verdict { allowed: true, remaining: 99 }, false));
        while take(&mut leases, &counter, &mut used).0.allowed {}
        counter = next(&counter);
        used = 0;
    }
}

#[test]
fn reads_that_could_not_be_counted_are_counted_by_the_next_call() {
    let (mut leases, counter) = (Leases::new(), counter(Policy::Reads, 1, 100));
    let claim = Claim { arrears: 2, block: 2 };
    while let Step::Decided(_) = leases.begin(&counter) {}
    leases.give_back(&counter, claim);
    assert_eq!(leases.begin(&counter), Step::Count(claim));
}

#[test]
fn a_full_memory_counts_newcomers_exactly_until_windows_end() {
    let mut leases = Leases { capacity: 2, ..Leases::new() };
    let counters = [1, 2, 3].map(|user| counter(Policy::Reads, user, 3));
    let [first, second, third] = &counters;
    for counter in [first, second] {
        assert!(matches!(leases.begin(counter), Step::Decided(_)));
    }
    let mut used = 0;
    let taken: Vec<_> = (0..4).map(|_| take(&mut leases, third, &mut used)).collect();
    assert_eq!(taken.iter().map(|(verdict, _)| verdict.allowed).collect::<Vec<_>>(), [true, true, true, false]);
    assert!(taken.iter().all(|(_, called)| *called), "{taken:?}");
    assert_eq!((used, leases.by_key.len()), (3, 2));

    let mut later = next(third);
    later.now = first.ends.min(second.ends);
    assert!(matches!(leases.begin(&later), Step::Decided(_)), "an ended window makes room");
    assert!(leases.by_key.len() <= 2);
}

#[test]
fn what_belongs_to_a_window_that_was_left_changes_nothing_in_the_next() {
    let (mut leases, counter) = (Leases::new(), counter(Policy::Reads, 1, 100));
    let next = next(&counter);
    leases.begin(&next);
    assert_eq!(leases.refuse(&counter), REFUSED);
    leases.give_back(&counter, Claim { arrears: 50, block: 2 });
    assert_eq!(leases.begin(&next), Step::Decided(Verdict { allowed: true, remaining: 98 }));
    assert_eq!(leases.begin(&next), Step::Count(Claim { arrears: 2, block: 2 }));
}
