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
use peregrine_core::queue::{BATCH, QueueError, Queues};
use peregrine_core::settings::{Environment, SettingsError};
use peregrine_core::table::{Client, Due, Jobs, TableError};
use serde::Serialize;

/// How many jobs of each shard are looked at together.
const PAGE: u16 = 100;

/// The tables and queues that the relay works with.
#[derive(Debug, Clone)]
pub struct Relay {
    jobs: Jobs,
    queues: Queues,
    clock: Clock,
}

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// How many jobs were sent again.
    pub sent: usize,
    /// How many more a queue did not take. They stay due.
    pub refused: usize,
}

/// A run ended early. What it has not sent stays due.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A queue can't be reached.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Relay {
    /// Reads `JOBS_TABLE`, `EMAIL_QUEUE_URL` and `WEBHOOK_QUEUE_URL`.
    ///
    /// # Errors
    /// Settings that are missing or malformed.
    pub fn from_env(mut environment: Environment) -> Result<Self, SettingsError> {
        let config = AwsSettings::from_env(&mut environment).sdk_config();
        let jobs = Jobs::new(Client::new(&config), environment.text("JOBS_TABLE"));
        let queues = Queues::from_env(&mut environment, &config);
        environment.finish()?;
        Ok(Self { jobs, queues, clock: Clock::system() })
    }

    /// Sends what is due to its queue, until nothing is or `budget` is used up.
    ///
    /// # Errors
    /// See [`RelayError`].
    pub async fn run(&self, budget: Duration) -> Result<Report, RelayError> {
        let ends = tokio::time::Instant::now() + budget;
        // What becomes due during the run is the next one's.
        let began = self.clock.now();
        let mut report = Report::default();
        let mut seen = HashSet::new();
        while tokio::time::Instant::now() < ends {
            let mut due = self.jobs.due(began, PAGE).await?;
            // The index can lag behind what this run has done.
            due.retain(|due| seen.insert(due.id));
            let refused = self.send(&due).await?;
            report.sent += due.len() - refused;
            report.refused += refused;
            // A queue that refuses messages would be asked for ever.
            if due.is_empty() || refused > 0 {
                break;
            }
        }
        Ok(report)
    }

    /// Sends jobs to their queues. Returns how many these did not take.
    async fn send(&self, due: &[Due]) -> Result<usize, RelayError> {
        let mut refused = 0;
        for kind in Kind::ALL {
            let of_kind: Vec<Due> = due.iter().filter(|due| due.kind == kind).copied().collect();
            for batch in of_kind.chunks(BATCH) {
                let now = self.clock.now();
                let delay = |due: &Due| Duration::try_from(due.run_at.duration_since(now)).unwrap_or_default();
                let messages: Vec<_> = batch.iter().map(|due| (due.id, delay(due))).collect();
                let taken = self.queues.send_batch(kind, &messages).await?;
                let sent = batch.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(due, _)| due);
                try_join_all(sent.map(|due| self.jobs.note_sent(due, now))).await?;
                refused += taken.iter().filter(|taken| !**taken).count();
            }
        }
        Ok(refused)
    }
}
