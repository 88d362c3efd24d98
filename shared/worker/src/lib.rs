//! What workers have in common: claiming jobs, recording outcomes, answering queues.
//!
//! A worker says what it can do, by [`Work`]; the rest is done here, the same for all. See `docs/jobs.md`.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use peregrine_core::job::Job;

/// Something that does the task of a job.
pub trait Work: Send + Sync {
    /// Does what the job asks for. `deadline` is when it must be over at the latest: before the invocation ends, and long
    /// before another worker may take the job. Whoever does something that can't be taken back must not begin it when too
    /// little time is left.
    ///
    /// # Errors
    /// See [`Failure`].
    fn perform(&self, job: &Job, deadline: Timestamp) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Why a job could not be done. The cause is stored, logged and shown to the job's owner: no secret, no address, one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It may work later: after the usual wait, or after this one if that is longer.
    Retry {
        /// What went wrong.
        cause: String,
        /// How long the other side asked to wait.
        after: Option<Duration>,
    },
    /// It never will.
    Permanent {
        /// What is wrong.
        cause: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry { cause, .. } | Self::Permanent { cause } => formatter.write_str(cause),
        }
    }
}
