//! Sends again what the queues have lost: jobs whose message never arrived, or whose worker has died.
//!
//! It runs on a schedule and reads an index that has only what is due, so that a run with nothing to do costs one query
//! per shard. A message too many does no harm: a job is claimed once.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::try_join_all;
use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::job::Kind;
use peregrine_core::queue::BATCH;
use peregrine_core::settings::{Environment, SettingsError};
use peregrine_core::table::{Due, Jobs, TableError};
use serde::Serialize;

/// How many jobs of each shard are looked at together.
const PAGE: u16 = 100;

/// What the relay works with.
#[derive(Debug, Clone)]
pub struct Relay {
    jobs: Jobs,
    clock: Clock,
}

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// How many jobs were sent again.
    pub sent: usize,
    /// How many more their queue did not take. They stay due.
    pub refused: usize,
}

impl Relay {
    /// Reads `JOBS_TABLE`, `EMAIL_QUEUE_URL` and `WEBHOOK_QUEUE_URL`.
    ///
    /// # Errors
    /// Settings that are missing or malformed.
    pub fn from_env(mut environment: Environment) -> Result<Self, SettingsError> {
        let config = AwsSettings::from_env(&mut environment).sdk_config();
        let jobs = Jobs::from_env(&mut environment, &config);
        environment.finish()?;
        Ok(Self { jobs, clock: Clock::system() })
    }

    /// Sends what is due to its queue, until nothing is or `budget` is used up. A queue that can't be reached holds up
    /// no other.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn run(&self, budget: Duration) -> Result<Report, TableError> {
        let ends = tokio::time::Instant::now() + budget;
        // What becomes due during the run is the next one's.
        let began = self.clock.now();
        let mut report = Report::default();
        let mut seen = HashSet::new();
        let mut closed = HashSet::new();
        while tokio::time::Instant::now() < ends {
            let mut due = self.jobs.due(began, PAGE).await?;
            // The index can lag behind what this run has done, and what a queue has not taken is still there.
            due.retain(|due| seen.insert(due.id));
            if due.is_empty() {
                break;
            }
            for unknown in due.iter().filter(|due| due.kind.is_none()) {
                // It waits for the code that knows it, and does not keep others from being looked after.
                tracing::error!(job = %unknown.id, "a job is of a kind that is not known here");
                self.jobs.put_off(unknown, self.clock.now()).await?;
            }
            for kind in Kind::ALL {
                let of_kind: Vec<Due> = due.iter().filter(|due| due.kind == Some(kind)).copied().collect();
                for batch in of_kind.chunks(BATCH) {
                    let sent = if closed.contains(&kind) { 0 } else { self.send(kind, batch).await? };
                    report.sent += sent;
                    report.refused += batch.len() - sent;
                    if sent < batch.len() {
                        closed.insert(kind);
                    }
                }
            }
        }
        Ok(report)
    }

    /// Sends jobs to their queue. Returns how many it took.
    async fn send(&self, kind: Kind, batch: &[Due]) -> Result<usize, TableError> {
        let now = self.clock.now();
        let delay = |due: &Due| Duration::try_from(due.run_at.duration_since(now)).unwrap_or_default();
        let messages: Vec<_> = batch.iter().map(|due| (due.id, delay(due))).collect();
        let taken = match self.jobs.queues().send_batch(kind, &messages).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::error!(%error, %kind, "a queue can't be reached; its jobs stay due");
                return Ok(0);
            }
        };
        let sent: Vec<_> = batch.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(due, _)| due).collect();
        try_join_all(sent.iter().map(|due| self.jobs.put_off(due, now))).await?;
        Ok(sent.len())
    }
}
