use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEventView};
use peregrine_core::table::AuditFilter;
use peregrine_core::validation::Validate;
use peregrine_http::caller::{Admin, Scoped};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::list::{Address, List, PageQuery};
use peregrine_http::parts::Query;
use peregrine_http::request::Valid;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::AuthState;

/// Which events a list shows.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only events that concern this account. The nil UUID stands for names that nobody has, and for the whole system.
    user_id: Option<Uuid>,
    /// Only events of this kind.
    action: Option<AuditAction>,
}

/// List security events.
///
/// For admins. The newest first; an event is kept for a year. The list can lag behind by moments. The next page's
/// address is in the `Link` header. A page of one kind can be short, even empty, while there is a next one.
#[utoipa::path(
    get,
    path = "/api/v1/audit-events",
    tag = "auth",
    params(PageQuery, AuditQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, body = Vec<AuditEventView>),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn list_audit_events(
    State(state): State<AuthState>,
    address: Address,
    Valid(_, (Query(page), Query(query))): Valid<Scoped<Admin>, (Query<PageQuery>, Query<AuditQuery>)>,
) -> Result<List<AuditEventView>, ApiError> {
    let filter = AuditFilter { user_id: query.user_id, action: query.action };
    let list = filter.list_name();
    let events = state.audit.list(&filter, &page.of_list(&list, &state.cursors)?, state.clock.now()).await?;
    Ok(List::of(events, &list, &state.cursors, &address))
}
