//! What invokes functions beside the gateway: queues, schedules and topics.

mod batch;
mod invoker;
mod queue;
mod schedule;
#[cfg(test)]
mod tests;
mod topic;

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use invoker::Invoker;
pub(crate) use queue::QueuePoller;
pub use schedule::ScheduleError;
pub(crate) use schedule::Schedules;
pub(crate) use topic::deliver;

/// How long invocations that are under way may take when the local cloud ends.
const GRACE: Duration = Duration::from_secs(3);

/// The running sources. Dropping it ends them at once.
#[derive(Debug, Default)]
pub(crate) struct EventSources {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Tells a source to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    receiver: watch::Receiver<bool>,
}

impl Stop {
    /// Waits until the source is to end.
    pub(crate) async fn requested(&mut self) {
        // A sender that is gone is as good as its word.
        let _ = self.receiver.wait_for(|stop| *stop).await;
    }
}

impl EventSources {
    /// Runs `source` until it is told to end and has ended.
    pub(crate) fn run<F>(&mut self, source: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = Stop { receiver: self.stop.subscribe() };
        self.tasks.push(tokio::spawn(source(stop)));
    }

    /// Begins nothing more, and waits for a moment for the invocations that are under way.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        // What takes longer ends with its process.
        let _ = tokio::time::timeout(GRACE, join_all(&mut self.tasks)).await;
    }
}

impl Drop for EventSources {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
