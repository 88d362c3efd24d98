use axum::extract::State;
use peregrine_core::job::{JobState, JobView};
use peregrine_core::table::JobFilter;
use peregrine_core::validation::Validate;
use peregrine_http::caller::{Scoped, UsersRead};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::list::{Address, List, PageQuery};
use peregrine_http::parts::Query;
use peregrine_http::request::Valid;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::JobsState;

/// Which jobs a list shows.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobQuery {
    /// Only jobs that are this far. For an admin who names no owner: everybody's.
    state: Option<JobState>,
    /// Whose jobs; your own, if it is left out. Only admins may name others.
    owner: Option<Uuid>,
}

/// List jobs.
///
/// Your own, the oldest first; admins also see others'. The list can lag behind by moments. The next page's address is
/// in the `Link` header. A page of one owner's jobs in one state can be short, even empty, while there is a next one.
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    tag = "jobs",
    params(PageQuery, JobQuery),
    security(("bearer" = ["users:read"])),
    responses(
        (status = 200, body = Vec<JobView>),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn list_jobs(
    State(state): State<JobsState>,
    address: Address,
    Valid(caller, (Query(page), Query(query))): Valid<Scoped<UsersRead>, (Query<PageQuery>, Query<JobQuery>)>,
) -> Result<List<JobView>, ApiError> {
    let caller_id = caller.user.id;
    let filter = match (query.owner, query.state) {
        (Some(owner), _) if owner != caller_id && !caller.is_admin() => return Err(ApiError::Forbidden),
        (None, Some(state)) if caller.is_admin() => JobFilter::Everybodys(state),
        (owner, state) => JobFilter::Of(owner.unwrap_or(caller_id), state),
    };
    let list = filter.list_name();
    let jobs = state.jobs.list(&filter, &page.of_list(&list, &state.cursors)?, state.clock.now()).await?;
    Ok(List::of(jobs, &list, &state.cursors, &address))
}
