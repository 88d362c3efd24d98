//! Event source mappings: messages of a queue go to a function, in batches.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::batch::Batch;
use super::{Invoker, Stop};
use crate::aws::sqs::{Queue, Received};
use crate::functions::Pool;
use crate::identifiers;
use crate::template::QueueSource;

/// How long to wait if the queue gives nothing because too much of it is in flight.
const BACKOFF: Duration = Duration::from_secs(1);

/// Polls a queue for a function.
#[derive(Debug, Clone)]
pub(crate) struct QueuePoller {
    pub(crate) source: QueueSource,
    pub(crate) queue: Arc<Queue>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) invoker: Invoker,
}

impl QueuePoller {
    /// Delivers messages until it is told to stop; then it waits for the invocations that are under way.
    pub(crate) async fn run(self, mut stop: Stop) {
        // What waited for a sandbox would come back to the queue while it waits.
        let at_once = self.source.concurrency().min(self.pool.config().max_sandboxes);
        let slots = Arc::new(Semaphore::new(at_once));
        let mut running = JoinSet::new();
        loop {
            let next = async {
                // Never closed.
                let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
                Some((slot, self.collect().await))
            };
            let (slot, messages) = tokio::select! {
                () = stop.requested() => break,
                Some(next) = next => next,
            };
            while running.try_join_next().is_some() {}
            let poller = self.clone();
            running.spawn(async move {
                for batch in Batch::split(messages, &poller.queue.settings().arn()) {
                    poller.process(batch).await;
                }
                drop(slot);
            });
        }
        while running.join_next().await.is_some() {}
    }

    /// Waits for messages, and then for more of them until the batch is full or its window has passed.
    async fn collect(&self) -> Vec<Received> {
        let mut messages = self.receive(self.source.batch_size(), None).await;
        let deadline = Instant::now() + self.source.batching_window();
        while messages.len() < self.source.batch_size() && Instant::now() < deadline {
            messages.extend(self.receive(self.source.batch_size() - messages.len(), Some(deadline)).await);
        }
        messages
    }

    async fn receive(&self, max: usize, deadline: Option<Instant>) -> Vec<Received> {
        loop {
            match self.queue.receive(max, self.queue.settings().visibility_timeout(), deadline).await {
                Ok(messages) => return messages,
                Err(error) => {
                    self.invoker.say(self.source.function(), &format!("{}: {error}", self.source.queue()));
                    tokio::time::sleep(BACKOFF).await;
                }
            }
        }
    }

    /// Invokes the function, and deletes what it has processed. The rest comes back by itself.
    async fn process(&self, batch: Batch) {
        let count = batch.messages.len();
        let plural = if count == 1 { "" } else { "s" };
        let source = format!("SQS {} ({count} message{plural})", self.source.queue());
        let event = Bytes::from(batch.event().to_string());
        let Ok(answer) = self.invoker.invoke(&self.pool, identifiers::unique(), source.clone(), event).await else {
            return;
        };
        match batch.processed(&answer, self.source.reports_failures()) {
            Ok(processed) => {
                for received in processed {
                    // The handle is one of this queue.
                    let _ = self.queue.delete(&received.receipt_handle);
                }
            }
            Err(what) => {
                self.pool.count_error(what.clone());
                self.invoker.say(self.source.function(), &format!("{source}: all of it failed, because {what}"));
            }
        }
    }
}
