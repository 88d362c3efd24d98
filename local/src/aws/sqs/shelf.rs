//! The messages of a queue, and which of them can be received when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::error::SqsError;
use super::message::Message;
use super::receipt::Receipt;
use crate::ambient;

/// How long a message may stay hidden after it was received, all extensions included.
pub(super) const MAX_VISIBILITY: Duration = Duration::from_hours(12);

/// How many messages of a queue may be in flight.
const MAX_IN_FLIGHT: usize = 120_000;

/// A queue's messages in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    next_place: u64,
    messages: BTreeMap<u64, Entry>,
    /// The places of those that can be received.
    visible: BTreeSet<u64>,
    /// When the others can be, too.
    hidden: BTreeSet<(Instant, u64)>,
    /// When messages are too old.
    expiries: BTreeSet<(Instant, u64)>,
    in_flight: usize,
}

#[derive(Debug)]
struct Entry {
    message: Arc<Message>,
    expires: Instant,
    receives: u32,
    first_received: Option<Timestamp>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Visible,
    Delayed { until: Instant },
    InFlight { since: Instant, until: Instant },
}

/// A message that was received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) message: Arc<Message>,
    pub(crate) receipt_handle: String,
    /// How often it has been received.
    pub(crate) receives: u32,
    /// When it was received for the first time.
    pub(crate) first_time: Timestamp,
}

/// What was found when somebody wanted to receive.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) received: Vec<Received>,
    /// What was received too often, with how often.
    pub(super) dead: Vec<Dead>,
}

/// A message that nobody could process.
#[derive(Debug)]
pub(super) struct Dead {
    pub(super) message: Arc<Message>,
    pub(super) receives: u32,
    pub(super) first_received: Option<Timestamp>,
}

/// How many messages a queue has, by what can be done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Counts {
    pub(crate) visible: usize,
    pub(crate) in_flight: usize,
    pub(crate) delayed: usize,
}

impl Shelf {
    pub(super) fn put(&mut self, message: Message, retention: Duration, delay: Duration) {
        let now = Instant::now();
        let phase = if delay.is_zero() { Phase::Visible } else { Phase::Delayed { until: now + delay } };
        let expires = message.sent_at + retention;
        self.insert(Entry { message: Arc::new(message), expires, receives: 0, first_received: None, phase });
    }

    /// Takes in what died in another queue. Its age counts from when it was first sent.
    pub(super) fn bury(&mut self, dead: Dead, retention: Duration) {
        let Dead { message, receives, first_received } = dead;
        let expires = message.sent_at + retention;
        self.insert(Entry { message, expires, receives, first_received, phase: Phase::Visible });
    }

    fn insert(&mut self, entry: Entry) {
        let place = self.next_place;
        self.next_place += 1;
        self.expiries.insert((entry.expires, place));
        match entry.phase {
            Phase::Visible => self.visible.insert(place),
            Phase::Delayed { until } | Phase::InFlight { until, .. } => self.hidden.insert((until, place)),
        };
        self.messages.insert(place, entry);
    }

    /// Receives up to `max` messages, hides them for `visibility`, and takes out what was received `max_receives`
    /// times.
    pub(super) fn take(
        &mut self,
        queue: &str,
        max: usize,
        visibility: Duration,
        max_receives: Option<u32>,
    ) -> Result<Taken, SqsError> {
        let now = Instant::now();
        self.settle(now);
        if self.in_flight >= MAX_IN_FLIGHT {
            return Err(SqsError::new("OverLimit", "Too many messages in flight."));
        }
        let mut taken = Taken::default();
        while taken.received.len() < max
            && let Some(place) = self.visible.pop_first()
        {
            let Some(entry) = self.messages.get_mut(&place) else { continue };
            if max_receives.is_some_and(|max| entry.receives >= max) {
                if let Some(entry) = self.remove(place) {
                    let Entry { message, receives, first_received, .. } = entry;
                    taken.dead.push(Dead { message, receives, first_received });
                }
                continue;
            }
            entry.receives += 1;
            let first_time = *entry.first_received.get_or_insert_with(ambient::now);
            let receipt = Receipt { place, receive: entry.receives.into() };
            taken.received.push(Received {
                message: Arc::clone(&entry.message),
                receipt_handle: receipt.handle(queue),
                receives: entry.receives,
                first_time,
            });
            entry.phase = Phase::InFlight { since: now, until: now + visibility };
            self.hidden.insert((now + visibility, place));
            self.in_flight += 1;
        }
        Ok(taken)
    }

    /// When something that is hidden can be received.
    pub(super) fn next_visible(&self) -> Option<Instant> {
        self.hidden.first().map(|(until, _)| *until)
    }

    /// Deletes a message. A receipt that is not the latest one deletes nothing, and that is no error.
    pub(super) fn delete(&mut self, receipt: Receipt) {
        if self.messages.get(&receipt.place).is_some_and(|entry| u64::from(entry.receives) == receipt.receive) {
            self.remove(receipt.place);
        }
    }

    /// Hides a message that is in flight for `visibility` from now on.
    pub(super) fn change_visibility(&mut self, receipt: Receipt, visibility: Duration) -> Result<(), SqsError> {
        let now = Instant::now();
        self.settle(now);
        let gone = || {
            let reason = "Message does not exist or is not available for visibility timeout change.";
            SqsError::parameter(format!("Value for parameter ReceiptHandle is invalid. Reason: {reason}"))
        };
        let entry = self.messages.get_mut(&receipt.place).ok_or_else(gone)?;
        if u64::from(entry.receives) != receipt.receive {
            return Err(gone());
        }
        let Phase::InFlight { since, until } = entry.phase else {
            return Err(SqsError::new("MessageNotInflight", "The specified message isn't in flight."));
        };
        if now + visibility > since + MAX_VISIBILITY {
            let message = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            return Err(SqsError::parameter(message));
        }
        self.hidden.remove(&(until, receipt.place));
        entry.phase = Phase::InFlight { since, until: now + visibility };
        self.hidden.insert((now + visibility, receipt.place));
        Ok(())
    }

    pub(super) fn purge(&mut self) {
        *self = Self { next_place: self.next_place, ..Self::default() };
    }

    pub(super) fn counts(&mut self) -> Counts {
        self.settle(Instant::now());
        let delayed = self.hidden.len() - self.in_flight;
        Counts { visible: self.visible.len(), in_flight: self.in_flight, delayed }
    }

    /// Every message with how often it was received, in the order of their arrival.
    pub(super) fn contents(&mut self) -> Vec<(Arc<Message>, u32)> {
        self.settle(Instant::now());
        self.messages.values().map(|entry| (Arc::clone(&entry.message), entry.receives)).collect()
    }

    /// Forgets what is too old, and shows again what was hidden until `now`.
    fn settle(&mut self, now: Instant) {
        while let Some((expires, place)) = self.expiries.first().copied()
            && expires <= now
        {
            self.remove(place);
        }
        while let Some((until, place)) = self.hidden.first().copied()
            && until <= now
        {
            self.hidden.pop_first();
            if let Some(entry) = self.messages.get_mut(&place) {
                self.in_flight -= usize::from(matches!(entry.phase, Phase::InFlight { .. }));
                entry.phase = Phase::Visible;
                self.visible.insert(place);
            }
        }
    }

    fn remove(&mut self, place: u64) -> Option<Entry> {
        let entry = self.messages.remove(&place)?;
        self.expiries.remove(&(entry.expires, place));
        self.visible.remove(&place);
        match entry.phase {
            Phase::Visible => {}
            Phase::Delayed { until } => drop(self.hidden.remove(&(until, place))),
            Phase::InFlight { until, .. } => {
                self.hidden.remove(&(until, place));
                self.in_flight -= 1;
            }
        }
        Some(entry)
    }
}
