use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::future::join_all;
use peregrine_core::job::JobState;
use peregrine_core::page::PageRequest;
use peregrine_core::table::{ConditionalWriteError, JobFilter};
use peregrine_core::validation::Validate;
use peregrine_http::caller::{Admin, Scoped};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::list::PageQuery;
use peregrine_http::parts::Query;
use peregrine_http::request::Valid;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::JobsState;

/// How many jobs are looked at together.
const PAGE: u32 = 100;
/// How many pages one request looks at, so that it ends in time.
const MOST_PAGES: usize = 5;

/// Where to begin.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
pub(crate) struct RetryQuery {
    /// Where the request before ended, from its answer.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

/// What became of the failed jobs.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Retried {
    /// How many are tried again.
    #[schema(example = 499)]
    revived: usize,
    /// How many are not: somebody else was faster, or another job has their unique key by now.
    #[schema(example = 1)]
    skipped: usize,
    /// Where to go on, if there may be more: the `cursor` of the next request.
    #[schema(required = true, example = "MDE5OGYzYzQ")]
    next: Option<String>,
}

/// Try all failed jobs again.
///
/// For admins. One request looks at 500 jobs at most, the oldest first; while the answer names a next cursor, there may
/// be more.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/retry",
    tag = "jobs",
    params(RetryQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 202, body = Retried),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn retry_jobs(
    State(state): State<JobsState>,
    Valid(_, (Query(query),)): Valid<Scoped<Admin>, (Query<RetryQuery>,)>,
) -> Result<(StatusCode, Json<Retried>), ApiError> {
    let filter = JobFilter::Everybodys(JobState::Failed);
    let mut report = Retried::default();
    let list = filter.list_name();
    let page = PageQuery { skip: 0, limit: PAGE, cursor: query.cursor };
    let mut after = page.of_list(&list, &state.cursors)?.after;
    for _ in 0..MOST_PAGES {
        let request = PageRequest { limit: PAGE as usize, skip: 0, after };
        let page = state.jobs.list(&filter, &request, state.clock.now()).await?;
        for revived in join_all(page.entries.iter().map(|job| state.revive(job))).await {
            match revived {
                Ok(_) => report.revived += 1,
                Err(ConditionalWriteError::Outdated) => report.skipped += 1,
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
        }
        after = page.next.map(|next| next.after);
        if after.is_none() {
            break;
        }
    }
    report.next = after.map(|after| state.cursors.seal(&list, &after));
    Ok((StatusCode::ACCEPTED, Json(report)))
}
