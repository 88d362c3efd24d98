//! One attempt at a job: claim, do, record.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use peregrine_core::job::{CLOCK_SKEW, Job, JobState, Lease, later};
use peregrine_core::table::{ConditionalWriteError, TableError};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::{Failure, Handled, Work, Worker};

/// What is kept of an invocation's time for recording the outcome: DynamoDB gets several calls' time.
const FOR_RECORDING: Duration = Duration::from_secs(5);

/// How long a worker waits before it asks a table again that did not answer, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How much of an error's text is kept.
const LONGEST_ERROR: usize = 500;

/// The longest wait that another system may ask for.
const LONGEST_ASKED: Duration = Duration::from_hours(24);

impl Worker {
    /// Does a job, unless somebody else does, and records the outcome.
    ///
    /// The lease ends when the platform has ended this invocation for sure, even if the next worker's clock is fast. So
    /// no two workers are at one job, and no lease needs to be renewed.
    pub(crate) async fn attempt(&self, work: &impl Work, id: Uuid) -> Handled {
        let (began, now) = (Instant::now(), self.clock.now());
        let ends = began + self.timeout;
        let enough = began + self.timeout.saturating_sub(FOR_RECORDING);
        let lease = Lease { id: self.random.uuid(now), until: later(now, self.timeout + CLOCK_SKEW) };
        let claim = || async { self.jobs.claim(id, lease, now).await };
        let Some(claimed) = until(enough, claim).await else {
            tracing::error!(job = %id, "a job could not be claimed; its message comes back");
            return Handled::No;
        };
        // Another message has told of it, or it is not its time yet: then the relay looks after it.
        let Some(job) = claimed else { return Handled::Yes };

        let outcome = if job.attempts > self.retries.attempts {
            // The last attempt has begun and not ended, or there are fewer attempts than there were when it was put
            // off.
            let cause = job.last_error.clone().unwrap_or_else(|| "its worker died each time".to_owned());
            Err(Failure::permanent(cause))
        } else {
            self.perform(work, &job, enough, later(now, self.timeout.saturating_sub(FOR_RECORDING))).await
        };
        let failure = outcome.as_ref().err().map(ToString::to_string);
        let milliseconds = began.elapsed().as_millis();
        tracing::info!(job = %id, kind = %job.task.kind(), attempt = job.attempts, failure, milliseconds, "attempt");
        self.record(&job, outcome, ends).await
    }

    async fn perform(&self, work: &impl Work, job: &Job, ends: Instant, deadline: Timestamp) -> Result<(), Failure> {
        let performed = AssertUnwindSafe(work.perform(job, deadline)).catch_unwind();
        match timeout_at(ends, performed).await {
            Ok(Ok(outcome)) => outcome,
            // The panic itself is in the log already.
            Ok(Err(_)) => Err(Failure::retry("the worker panicked")),
            Err(_) => Err(Failure::retry("it was not done in time")),
        }
    }

    /// Records what became of an attempt, as long as there is time: what has been done and is not recorded is done
    /// again.
    async fn record(&self, job: &Job, outcome: Result<(), Failure>, ends: Instant) -> Handled {
        let now = self.clock.now();
        let changed = match outcome {
            Ok(()) => job.finished(JobState::Succeeded, None, now),
            Err(Failure::Permanent { cause }) => job.finished(JobState::Failed, Some(shortened(cause)), now),
            Err(Failure::Retry { cause, after }) => match self.retries.wait(job.attempts, &self.random) {
                Some(wait) => {
                    let asked = after.unwrap_or_default().min(LONGEST_ASKED);
                    job.put_off(wait.max(asked), shortened(cause), now)
                }
                None => job.finished(JobState::Failed, Some(shortened(cause)), now),
            },
        };
        let telling = changed.telling(now, &self.random);
        let update = || async {
            match self.jobs.update(job, &changed, telling.as_ref()).await {
                Ok(()) => Ok(true),
                Err(ConditionalWriteError::Outdated) => Ok(false),
                Err(ConditionalWriteError::Table(error)) => Err(error),
            }
        };
        match until(ends, update).await {
            Some(true) => Handled::Yes,
            Some(false) => {
                tracing::error!(job = %job.id, "a job was changed while it was leased; the outcome is not recorded");
                Handled::Yes
            }
            None => {
                tracing::error!(job = %job.id, "a job's outcome could not be recorded; it is done again");
                Handled::No
            }
        }
    }
}

/// Asks a table until it answers, or the time is up. `None` for a row that can't be read, too.
async fn until<T, F>(ends: Instant, call: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<T, TableError>>,
{
    let (mut pause, longest) = PAUSES;
    let asking = async {
        loop {
            match call().await {
                Ok(answer) => return Some(answer),
                // What another version of the code has written can't be read any better by asking again.
                Err(error @ TableError::Row { .. }) => {
                    tracing::error!(%error, "a job can't be read");
                    return None;
                }
                Err(error) => tracing::warn!(%error, "a table did not do what it was asked for; asking again"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    };
    timeout_at(ends, asking).await.ok().flatten()
}

fn shortened(mut error: String) -> String {
    error.truncate(error.floor_char_boundary(LONGEST_ERROR));
    error
}
