use axum::extract::State;
use peregrine_core::job::{JobState, JobView};
use peregrine_core::table::ConditionalWriteError;
use peregrine_http::caller::{Admin, Scoped};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::request::Valid;
use peregrine_http::response::Created;

use crate::JobsState;
use crate::change::OUTDATED;
use crate::path::JobPath;

/// Try a failed job again.
///
/// For admins. It gets as many attempts as a new one.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{job_id}/retry",
    tag = "jobs",
    params(JobPath),
    security(("bearer" = ["admin"])),
    responses(
        (status = 202, body = JobView),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn retry_job(
    State(state): State<JobsState>,
    Valid(caller, (Path(path),)): Valid<Scoped<Admin>, (Path<JobPath>,)>,
) -> Result<Created, ApiError> {
    let job = state.find(&caller, path.job_id).await?;
    if job.state != JobState::Failed {
        return Err(ApiError::Conflict("Only a failed job can be tried again"));
    }
    match state.revive(&job).await {
        Ok(revived) => Created::accepted(format!("/api/v1/jobs/{}", revived.id), &JobView::from(&revived)),
        Err(ConditionalWriteError::Outdated) => Err(ApiError::Conflict(OUTDATED)),
        Err(ConditionalWriteError::Table(error)) => Err(error.into()),
    }
}
