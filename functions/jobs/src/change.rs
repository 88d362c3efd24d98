//! What the operations on one job have in common: to read it, to decide, and to write only if nobody else has.

use peregrine_core::job::{Job, JobState, JobView};
use peregrine_core::table::ConditionalWriteError;
use peregrine_http::caller::Scoped;
use peregrine_http::error::ApiError;
use peregrine_http::precondition::Precondition;
use peregrine_http::race::Race;
use uuid::Uuid;

use crate::JobsState;

/// The answer to an id that no job of the caller's has.
pub(crate) const NOT_FOUND: ApiError = ApiError::NotFound("Job not found");
/// What whoever has lost every race is told.
pub(crate) const OUTDATED: &str = "Job was changed by somebody else, please try again";

impl JobsState {
    /// The job as it is now, if it is the caller's or the caller is an admin. To others it does not exist.
    pub(crate) async fn find<R>(&self, caller: &Scoped<R>, id: Uuid) -> Result<Job, ApiError> {
        let job = self.jobs.find(id, self.clock.now()).await?;
        job.filter(|job| job.owner_id == caller.user.id || caller.is_admin()).ok_or(NOT_FOUND)
    }

    /// Calls a queued job off, whatever it is like by now, unless the request was made for a certain state.
    pub(crate) async fn cancel<R>(
        &self,
        caller: &Scoped<R>,
        id: Uuid,
        precondition: &Precondition,
    ) -> Result<Job, ApiError> {
        let mut race = Race::new(OUTDATED);
        loop {
            let job = self.find(caller, id).await?;
            precondition.check(&JobView::from(&job))?;
            match job.state {
                JobState::Queued => {}
                JobState::Cancelled => return Ok(job),
                JobState::Running => return Err(ApiError::Conflict("Job is running and can't be cancelled")),
                JobState::Succeeded | JobState::Failed => return Err(ApiError::Conflict("Job has finished already")),
            }
            let now = self.clock.now();
            let cancelled = job.finished(JobState::Cancelled, job.last_error.clone(), now);
            let telling = cancelled.telling(now, &self.random);
            match self.jobs.update(&job, &cancelled, telling.as_ref()).await {
                Ok(()) => return Ok(cancelled),
                Err(ConditionalWriteError::Outdated) => race.lost()?,
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
        }
    }

    /// Has a failed job tried again, as if it were new.
    pub(crate) async fn revive(&self, failed: &Job) -> Result<Job, ConditionalWriteError> {
        let now = self.clock.now();
        let revived = failed.revived(now);
        self.jobs.update(failed, &revived, None).await?;
        Ok(revived)
    }
}
