use axum::extract::State;
use peregrine_core::job::JobView;
use peregrine_http::caller::{Scoped, UsersRead};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::request::Valid;

use crate::JobsState;
use crate::path::JobPath;

/// Show a job.
///
/// For its owner and for admins. The answer is strongly consistent. A finished job is forgotten after 30 days.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{job_id}",
    tag = "jobs",
    params(JobPath),
    security(("bearer" = ["users:read"])),
    responses(
        (status = 200, body = JobView),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn read_job(
    State(state): State<JobsState>,
    Valid(caller, (Path(path),)): Valid<Scoped<UsersRead>, (Path<JobPath>,)>,
) -> Result<Tagged<JobView>, ApiError> {
    Ok(Tagged(state.find(&caller, path.job_id).await?.into()))
}
