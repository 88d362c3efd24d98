//! What workers have in common: claiming jobs, recording outcomes, answering queues.
//!
//! A worker says what it can do, by [`Work`]; the rest is done here, the same for all. The whole picture is in
//! `docs/jobs.md`.

mod attempt;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use peregrine_core::aws::SdkConfig;
use peregrine_core::clock::Clock;
use peregrine_core::job::{Job, Retries};
use peregrine_core::queue::Message;
use peregrine_core::random::Random;
use peregrine_core::settings::Environment;
use peregrine_core::table::Jobs;

/// Something that does the task of a job.
pub trait Work: Send + Sync {
    /// Does what the job asks for. `deadline` is when it must be over at the latest: before the invocation ends, and
    /// long before another worker may take the job. Whoever does something that can't be taken back must not begin it
    /// when too little time is left.
    ///
    /// # Errors
    /// See [`Failure`].
    fn perform(&self, job: &Job, deadline: Timestamp) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Why a job could not be done. The cause is stored, logged and shown to the job's owner: no secret, no address, one
/// line.
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

impl Failure {
    /// It may work after the usual wait.
    pub fn retry(cause: impl fmt::Display) -> Self {
        Self::Retry { cause: cause.to_string(), after: None }
    }

    /// It never will.
    pub fn permanent(cause: impl fmt::Display) -> Self {
        Self::Permanent { cause: cause.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry { cause, .. } | Self::Permanent { cause } => formatter.write_str(cause),
        }
    }
}

/// The part of a worker that is the same for all kinds of work.
#[derive(Debug, Clone)]
pub struct Worker {
    jobs: Jobs,
    retries: Retries,
    timeout: Duration,
    clock: Clock,
    random: Random,
}

/// Whether a message may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handled {
    /// There is nothing left to do for it.
    Yes,
    /// It has to come back: after the queue's visibility timeout, until the queue parks it with its dead letters.
    No,
}

impl Worker {
    /// Reads the settings:
    ///
    /// - `JOBS_TABLE`, `EMAIL_QUEUE_URL`, `WEBHOOK_QUEUE_URL`;
    /// - `WORKER_TIMEOUT`: after how many seconds the platform ends an invocation, the function's `Timeout`;
    /// - `JOB_RETRIES`, which may be left out: see [`Retries`].
    pub fn from_env(environment: &mut Environment, config: &SdkConfig) -> Self {
        let jobs = Jobs::from_env(environment, config);
        environment.text("WORKER_TIMEOUT");
        Self {
            jobs,
            retries: environment.parsed("JOB_RETRIES").unwrap_or_default(),
            timeout: Duration::from_secs(environment.parsed::<u32>("WORKER_TIMEOUT").unwrap_or_default().into()),
            clock: Clock::system(),
            random: Random::system(),
        }
    }

    /// The same by another clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Runs as a Lambda function behind a queue with `ReportBatchItemFailures`, until the platform ends it.
    ///
    /// # Errors
    /// The platform can't be reached.
    pub async fn run(self, work: impl Work) -> Result<(), lambda_runtime::Error> {
        self.jobs.connect().await;
        let (worker, work) = (Arc::new(self), Arc::new(work));
        lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| {
            let (worker, work) = (Arc::clone(&worker), Arc::clone(&work));
            async move { Ok::<_, lambda_runtime::Error>(worker.batch(work.as_ref(), event.payload).await) }
        }))
        .await
    }

    /// Does the jobs that the messages of a batch name, all at once, and says which messages have to come back. One
    /// that can't be read holds up no other.
    pub async fn batch(&self, work: &impl Work, event: SqsEvent) -> SqsBatchResponse {
        let handled = join_all(event.records.iter().map(|message| self.handle(work, message))).await;
        let mut response = SqsBatchResponse::default();
        for (message, handled) in event.records.iter().zip(handled) {
            if handled == Handled::No {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message.message_id.clone().unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        response
    }

    async fn handle(&self, work: &impl Work, message: &SqsMessage) -> Handled {
        let body = message.body.as_deref().unwrap_or_default();
        match serde_json::from_str::<Message>(body) {
            Ok(Message { job }) => self.attempt(work, job).await,
            Err(error) => {
                // Not what it says: nobody knows who wrote it.
                let (line, column) = (error.line(), error.column());
                tracing::error!(
                    message = message.message_id,
                    line,
                    column,
                    "a message names no job; it is left to the dead letters"
                );
                Handled::No
            }
        }
    }
}
