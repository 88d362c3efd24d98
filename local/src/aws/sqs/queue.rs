//! A standard queue: sending, receiving, and moving what nobody can process.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::error::SqsError;
use super::message::{self, Attributes, Message};
use super::receipt::Receipt;
use super::shelf::{Counts, Dead, Received, Shelf, Taken};
use crate::template::Queue as Settings;
use crate::{ambient, identifiers};

/// A queue with its messages, which are kept in memory. Its times follow tokio's clock, so that tests can pass them.
#[derive(Debug)]
pub(crate) struct Queue {
    settings: Settings,
    created: Timestamp,
    shelf: Mutex<Shelf>,
    /// Wakes who waits for a message.
    changed: Notify,
    redrive: OnceLock<Redrive>,
}

#[derive(Debug)]
struct Redrive {
    /// Weak, because queues may name each other.
    target: Weak<Queue>,
    max_receives: u32,
}

/// A message to be sent.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    pub(crate) trace: Option<String>,
    pub(crate) group: Option<String>,
    /// Overrides the queue's delay.
    pub(crate) delay: Option<Duration>,
}

/// A message that was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) md5_of_body: String,
    pub(crate) md5_of_attributes: Option<String>,
}

impl Queue {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            created: ambient::now(),
            shelf: Mutex::default(),
            changed: Notify::new(),
            redrive: OnceLock::new(),
        })
    }

    /// Lets what was received `max_receives` times go to `target`.
    pub(super) fn redrive_to(&self, target: &Arc<Self>, max_receives: u32) {
        // A queue is told once, when the queues are made.
        let _ = self.redrive.set(Redrive { target: Arc::downgrade(target), max_receives });
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn name(&self) -> &str {
        self.settings.name()
    }

    pub(super) fn created(&self) -> Timestamp {
        self.created
    }

    /// Accepts a message.
    pub(crate) fn send(&self, draft: Draft) -> Result<Sent, SqsError> {
        let Draft { body, attributes, trace, group, delay } = draft;
        message::check_body(&body)?;
        let md5_of_attributes = message::digest_of_attributes(&attributes)?;
        let limit = self.settings.message_limit();
        if message::size(&body, &attributes) > limit as usize {
            let message =
                format!("One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.");
            return Err(SqsError::parameter(message));
        }
        let message = Message {
            id: identifiers::unique(),
            md5_of_body: message::digest(body.as_bytes()),
            body,
            attributes,
            md5_of_attributes,
            trace,
            group,
            sent: ambient::now(),
            sent_at: Instant::now(),
            source_arn: None,
        };
        let sent = Sent {
            id: message.id.clone(),
            md5_of_body: message.md5_of_body.clone(),
            md5_of_attributes: message.md5_of_attributes.clone(),
        };
        self.lock().put(message, self.settings.retention(), delay.unwrap_or(self.settings.delay()));
        self.changed.notify_waiters();
        Ok(sent)
    }

    /// Receives up to `max` messages and hides them for `visibility`. Waits until there is at least one, or until
    /// `deadline`; without one, forever.
    pub(crate) async fn receive(
        &self,
        max: usize,
        visibility: Duration,
        deadline: Option<Instant>,
    ) -> Result<Vec<Received>, SqsError> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let (taken, next_visible) = self.take(max, visibility)?;
            if !taken.is_empty() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(taken);
            }
            tokio::select! {
                () = changed => {}
                () = until(next_visible) => {}
                () = until(deadline) => {}
            }
        }
    }

    fn take(&self, max: usize, visibility: Duration) -> Result<(Vec<Received>, Option<Instant>), SqsError> {
        let redrive = self.redrive.get();
        let max_receives = redrive.map(|redrive| redrive.max_receives);
        let (Taken { received, dead }, next_visible) = {
            let mut shelf = self.lock();
            (shelf.take(self.name(), max, visibility, max_receives)?, shelf.next_visible())
        };
        if let Some(target) = redrive.and_then(|redrive| redrive.target.upgrade()) {
            for dead in dead {
                target.bury(dead, self.settings.arn());
            }
        }
        Ok((received, next_visible))
    }

    fn bury(&self, dead: Dead, source_arn: String) {
        let Dead { message, receives, first_received } = dead;
        let message = Message { source_arn: Some(source_arn), ..Message::clone(&message) };
        let dead = Dead { message: Arc::new(message), receives, first_received };
        self.lock().bury(dead, self.settings.retention());
        self.changed.notify_waiters();
    }

    /// Deletes what a receipt handle stands for. Deleting it twice is no error.
    pub(crate) fn delete(&self, handle: &str) -> Result<(), SqsError> {
        let receipt = self.receipt(handle)?;
        self.lock().delete(receipt);
        Ok(())
    }

    /// Hides what a receipt handle stands for for `visibility` from now on.
    pub(crate) fn change_visibility(&self, handle: &str, visibility: Duration) -> Result<(), SqsError> {
        let receipt = self.receipt(handle)?;
        self.lock().change_visibility(receipt, visibility)?;
        // Whoever waits may have to wake earlier than they thought.
        self.changed.notify_waiters();
        Ok(())
    }

    /// Forgets every message.
    pub(crate) fn purge(&self) {
        self.lock().purge();
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts()
    }

    /// Every message with how often it was received.
    pub(crate) fn contents(&self) -> Vec<(Arc<Message>, u32)> {
        self.lock().contents()
    }

    fn receipt(&self, handle: &str) -> Result<Receipt, SqsError> {
        Receipt::parse(handle, self.name()).ok_or_else(SqsError::receipt_handle)
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
