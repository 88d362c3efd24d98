//! How often somebody may call. Requests are counted before the handler runs; the layers tell clients where they stand.

use axum::http::Method;
use peregrine_core::limit::{Policy, Standing, Subject};
use peregrine_core::table::RateLimiter;
use uuid::Uuid;

use crate::error::ApiError;
use crate::layers::exchange::Exchange;

/// Counts a request: for its user, if a token names one, else for the address that it comes from. Requests whose token
/// is not valid count for their address too, so that guessing has its limit.
///
/// # Errors
/// 429.
pub(crate) async fn count(
    exchange: &Exchange,
    method: &Method,
    policy: Option<Policy>,
    user_id: Option<Uuid>,
    limiter: &RateLimiter,
) -> Result<(), ApiError> {
    let is_read = method == Method::GET || method == Method::HEAD;
    let policy = policy.unwrap_or(if is_read { Policy::Reads } else { Policy::Writes });
    let subject = user_id.map_or(Subject::Address(exchange.client_address()), Subject::User);
    // A counter that can't be reached lets requests pass: the API is worth more than its limits.
    let Some(standing) = limiter.take(policy, &subject).await else { return Ok(()) };
    exchange.note_standing(standing);
    allowed(&standing)
}

/// Counts what a request does beyond itself, such as a mail that it sends.
///
/// # Errors
/// 429.
pub async fn count_besides(limiter: &RateLimiter, policy: Policy, subject: &Subject) -> Result<(), ApiError> {
    // A counter that can't be reached lets it pass, as it does requests.
    limiter.take(policy, subject).await.map_or(Ok(()), |standing| allowed(&standing))
}

/// Counts a look-up that a request costs whoever it comes from.
///
/// # Errors
/// 429.
pub(crate) async fn count_lookup(exchange: &Exchange, limiter: &RateLimiter) -> Result<(), ApiError> {
    count_besides(limiter, Policy::Reads, &Subject::Address(exchange.client_address())).await
}

/// # Errors
/// 429 for who may not.
fn allowed(standing: &Standing) -> Result<(), ApiError> {
    if standing.allowed { Ok(()) } else { Err(ApiError::TooManyRequests { retry_after: standing.reset }) }
}
