//! Ends slow work with a clear 504, before the function's own time or the gateway's patience ends it without an answer.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse as _, Response};
use lambda_http::RequestExt as _;
use peregrine_core::clock::Clock;

use crate::error::ApiError;

/// How long an answer takes from here to the client, at the most.
const MARGIN: Duration = Duration::from_millis(500);
/// When API Gateway gives up: 30 seconds (the integration timeout of HTTP APIs).
const GATEWAY: Duration = Duration::from_secs(30);

/// How long work on this request may take.
pub(crate) fn of(request: &Request<Body>, clock: &Clock) -> Duration {
    let longest = GATEWAY.saturating_sub(MARGIN);
    let Some(context) = request.lambda_context_ref().filter(|context| context.deadline > 0) else { return longest };
    let now = u64::try_from(clock.now().as_millisecond()).unwrap_or_default();
    match context.deadline.checked_sub(now).map(Duration::from_millis) {
        Some(left) if left > MARGIN => left.saturating_sub(MARGIN).min(longest),
        // No request begins when its time is up, so it is the clock that is wrong.
        _ => longest,
    }
}

/// The answer, or 504 when it takes too long. The work ends where it is: what it has committed stays, and whoever wants
/// to try again without doing it twice sends an `Idempotency-Key`.
pub(crate) async fn within(limit: Duration, answer: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| ApiError::TimedOut.into_response())
}
