//! Answers that promise work: 202 with the job that does it.

use peregrine_core::job::{Job, JobView};
use peregrine_core::table::{InsertJobError, Jobs};

use crate::error::ApiError;
use crate::idempotency::{Idempotency, IdempotencyKey};
use crate::response::Created;

/// Makes promises: writes the job with the request's idempotency key, then tells its worker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Promises {
    jobs: Jobs,
    idempotency: Idempotency,
}

impl Promises {
    /// Promises that are kept in this table.
    pub fn new(jobs: Jobs, idempotency: Idempotency) -> Self {
        Self { jobs, idempotency }
    }

    /// Promises a new job, once for its owner's idempotency key. One item in a transaction, and one message.
    ///
    /// # Errors
    /// 409 if a job of the owner's with the same unique key is queued or running; 422 or 409 for a key that has been
    /// used.
    pub async fn make(&self, key: IdempotencyKey, job: &Job) -> Result<Created, ApiError> {
        let accepted = Created::accepted(format!("/api/v1/jobs/{}", job.id), &JobView::from(job))?;
        let once = self.idempotency.once(key, Some(job.owner_id), &accepted);
        match self.jobs.insert(job, once.as_ref()).await {
            Ok(()) => Ok(accepted),
            Err(InsertJobError::KeyUsed(used)) => Created::again(used),
            Err(InsertJobError::Duplicate) => Err(ApiError::Conflict("A job with this key is queued or running")),
            Err(InsertJobError::Table(error)) => Err(error.into()),
        }
    }
}
