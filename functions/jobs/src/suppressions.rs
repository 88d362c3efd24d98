//! The list of addresses that get no mail, as admins see it.

use axum::extract::State;
use jiff::Timestamp;
use peregrine_core::email::Email;
use peregrine_core::suppression::{Reason, Suppression};
use peregrine_core::table::ConditionalWriteError;
use peregrine_core::validation::Validate;
use peregrine_http::caller::{Admin, Scoped};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::precondition::{IfMatch, Precondition};
use peregrine_http::race::Race;
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::JobsState;

/// The address that a path names.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Path)]
pub(crate) struct SuppressionPath {
    /// The address. Case does not matter.
    email: Email,
}

/// Why an address gets no mail.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SuppressionView {
    /// The address, as it was asked for.
    email: Email,
    /// Why. Whoever has unsubscribed still gets mail about their own account.
    reason: Reason,
    /// When it was put on the list for this reason.
    #[schema(example = "2026-01-31T12:00:00Z")]
    since: Timestamp,
    /// More about why: for a bounce its kind and status code.
    #[schema(required = true, example = "General 5.1.1")]
    detail: Option<String>,
}

const NOT_FOUND: ApiError = ApiError::NotFound("Suppression not found");

/// Show why an address gets no mail.
///
/// For admins. 404 says that nothing speaks against sending mail there.
#[utoipa::path(
    get,
    path = "/api/v1/suppressions/{email}",
    tag = "notifications",
    params(SuppressionPath),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, body = SuppressionView),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn read_suppression(
    State(state): State<JobsState>,
    Valid(_, (Path(path),)): Valid<Scoped<Admin>, (Path<SuppressionPath>,)>,
) -> Result<Tagged<SuppressionView>, ApiError> {
    let found = state.suppressions.find(&path.email).await?.ok_or(NOT_FOUND)?;
    Ok(Tagged(view(&path.email, &found)))
}

/// Let an address get mail again.
///
/// For admins. If mail comes back once more, the address is put on the list again. Of somebody who has unsubscribed as
/// well the wish to get no more messages stays; it can be lifted next.
#[utoipa::path(
    delete,
    path = "/api/v1/suppressions/{email}",
    tag = "notifications",
    params(SuppressionPath, IfMatch),
    security(("bearer" = ["admin"])),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Invalid),
        (status = 428, body = Problem),
    ),
)]
pub(crate) async fn lift_suppression(
    State(state): State<JobsState>,
    Valid(_, (Path(path), precondition)): Valid<Scoped<Admin>, (Path<SuppressionPath>, Precondition)>,
) -> Result<NoContent, ApiError> {
    let mut race = Race::new("Suppression was changed by somebody else, please try again");
    let mut found = state.suppressions.find(&path.email).await?.ok_or(NOT_FOUND)?;
    loop {
        precondition.check(&view(&path.email, &found))?;
        match state.suppressions.delete(&path.email, &found).await {
            Ok(()) => return Ok(NoContent),
            Err(ConditionalWriteError::Outdated) => race.lost()?,
            Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
        }
        // If it is gone, this request has lifted it, or another one: a call whose answer is lost is made again.
        match state.suppressions.find(&path.email).await? {
            Some(now) if now.reason >= found.reason => found = now,
            _ => return Ok(NoContent),
        }
    }
}

fn view(email: &Email, suppression: &Suppression) -> SuppressionView {
    let Suppression { reason, since, detail } = suppression.clone();
    SuppressionView { email: email.clone(), reason, since, detail }
}
