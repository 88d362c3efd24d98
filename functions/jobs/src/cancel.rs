use axum::extract::State;
use peregrine_core::job::JobView;
use peregrine_http::caller::{Scoped, UsersWrite};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::precondition::{IfMatch, Precondition};
use peregrine_http::request::Valid;

use crate::JobsState;
use crate::path::JobPath;

/// Cancel a job.
///
/// For its owner and for admins, as long as it is queued. Cancelled again, it stays so; one that is running or has
/// finished can't be called off.
#[utoipa::path(
    delete,
    path = "/api/v1/jobs/{job_id}",
    tag = "jobs",
    params(JobPath, IfMatch),
    security(("bearer" = ["users:write"])),
    responses(
        (status = 200, body = JobView),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Invalid),
        (status = 428, body = Problem),
    ),
)]
pub(crate) async fn cancel_job(
    State(state): State<JobsState>,
    Valid(caller, (Path(path), precondition)): Valid<Scoped<UsersWrite>, (Path<JobPath>, Precondition)>,
) -> Result<Tagged<JobView>, ApiError> {
    Ok(Tagged(state.cancel(&caller, path.job_id, &precondition).await?.into()))
}
