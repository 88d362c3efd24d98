use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::future::join_all;
use peregrine_core::job::JobState;
use peregrine_core::page::PageRequest;
use peregrine_core::table::{ConditionalWriteError, JobFilter};
use peregrine_http::caller::{Admin, Scoped};
use peregrine_http::error::{ApiError, Problem};
use peregrine_http::request::Valid;
use serde::Serialize;
use utoipa::ToSchema;

use crate::JobsState;

/// How many jobs are looked at together.
const PAGE: usize = 100;
/// How many pages one request looks at, so that it ends in time.
const MOST_PAGES: usize = 5;

/// What became of the failed jobs.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Retried {
    /// How many are tried again.
    #[schema(example = 500)]
    retried: usize,
    /// Whether there may be more: then ask again.
    #[schema(example = true)]
    more: bool,
}

/// Try all failed jobs again.
///
/// For admins. One request looks at 500 jobs at most.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/retry",
    tag = "jobs",
    security(("bearer" = ["admin"])),
    responses((status = 202, body = Retried), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub(crate) async fn retry_jobs(
    State(state): State<JobsState>,
    Valid(_, ()): Valid<Scoped<Admin>, ()>,
) -> Result<(StatusCode, Json<Retried>), ApiError> {
    let filter = JobFilter::Everybodys(JobState::Failed);
    let mut report = Retried::default();
    let mut after = None;
    for _ in 0..MOST_PAGES {
        let request = PageRequest { limit: PAGE, skip: 0, after };
        let page = state.jobs.list(&filter, &request, state.clock.now()).await?;
        for revived in join_all(page.entries.iter().map(|job| state.revive(job))).await {
            match revived {
                Ok(_) => report.retried += 1,
                // Somebody else has tried it again, or its unique key is another job's by now.
                Err(ConditionalWriteError::Outdated) => {}
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
        }
        after = page.next.map(|next| next.after);
        report.more = after.is_some();
        if !report.more {
            break;
        }
    }
    Ok((StatusCode::ACCEPTED, Json(report)))
}
