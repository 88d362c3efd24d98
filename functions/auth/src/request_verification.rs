use axum::extract::State;
use peregrine_core::job::{Job, JobView};
use peregrine_core::limit::Occasion;
use peregrine_core::mail::Letter;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::caller::{Scoped, UsersWrite};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::idempotency::{IdempotencyHeader, IdempotencyKey};
use peregrine_http::pace::{Mail, Paced, count_mail_to};
use peregrine_http::request::Valid;
use peregrine_http::response::Created;

use crate::AuthState;

/// Send the caller another mail that confirms their address.
///
/// Its link takes the place of earlier ones. The answer is the job that sends it.
#[utoipa::path(
    post,
    path = "/api/v1/verify-email/request",
    tag = "auth",
    params(IdempotencyHeader),
    security(("bearer" = ["users:write"])),
    responses(
        (status = 202, body = JobView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem, description = "The address is confirmed."),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn request_verification(
    State(state): State<AuthState>,
    Valid(Paced { caller, .. }, (key, BaseUrl(base_url))): Valid<
        Paced<Mail, Scoped<UsersWrite>>,
        (IdempotencyKey, BaseUrl),
    >,
) -> Result<Created, ApiError> {
    let user = &caller.user;
    let unconfirmed = Some(&user.email).filter(|_| !user.is_verified);
    let to = user.pending_email.as_ref().or(unconfirmed);
    let to = to.ok_or(ApiError::Conflict("The email address is confirmed"))?;
    count_mail_to(&state.limiter, to, Occasion::Verification).await?;
    let letter = Letter::confirmation(user, to, base_url);
    let job = Job::mail(letter, user.id, state.clock.now(), &state.random);
    state.promises.make(key, &job).await
}
