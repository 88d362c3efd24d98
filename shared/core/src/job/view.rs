use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Job, JobState, Kind};

/// A job as answers and webhooks show it. What it does, and for whom, is not part of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct JobView {
    /// Identifies the job for good.
    #[schema(example = "0198f3c4-12ab-7d10-9f3e-6b5a4c3d2e1f")]
    pub id: Uuid,
    /// What kind of work it is.
    pub kind: Kind,
    /// How far it is.
    pub state: JobState,
    /// How often it has been begun.
    #[schema(example = 1)]
    pub attempts: u32,
    /// Why the last attempt failed.
    #[schema(required = true, example = "the mail service is busy")]
    pub last_error: Option<String>,
    /// Not to be done before this time.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub run_at: Timestamp,
    /// When it was promised.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub created_at: Timestamp,
    /// When anything of this last changed.
    #[schema(example = "2026-01-31T12:00:01Z")]
    pub updated_at: Timestamp,
    /// When it succeeded, failed for good, or was cancelled.
    #[schema(required = true, example = "2026-01-31T12:00:01Z")]
    pub finished_at: Option<Timestamp>,
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> Self {
        Self {
            id: job.id,
            kind: job.task.kind(),
            state: job.state,
            attempts: job.attempts,
            last_error: job.last_error.clone(),
            run_at: job.run_at,
            created_at: job.created_at,
            updated_at: job.updated_at,
            finished_at: job.finished_at,
        }
    }
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        Self::from(&job)
    }
}
