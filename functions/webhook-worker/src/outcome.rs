use jiff::Timestamp;
use peregrine_fetch::header::{HeaderMap, RETRY_AFTER};
use peregrine_fetch::{FetchError, StatusCode};
use peregrine_worker::Failure;

use crate::retry_after::retry_after;

/// What an answer means for the delivery.
pub(crate) fn outcome(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    if status == StatusCode::GONE {
        return Err(Failure::permanent("the receiver is gone (410)"));
    }
    let asks_to_wait = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let after =
        headers.get(RETRY_AFTER).filter(|_| asks_to_wait).and_then(|value| retry_after(value.to_str().ok()?, now));
    let code = status.as_u16();
    let cause = if status.is_redirection() {
        format!("the receiver answered with a redirect ({code}), and redirects are not followed")
    } else {
        format!("the receiver answered {code}")
    };
    Err(Failure::Retry { cause, after })
}

/// What it means that there was no answer.
pub(crate) fn failure(error: &FetchError) -> Failure {
    let cause = format!("the webhook was not delivered: {error}");
    match error {
        FetchError::Refused(_) | FetchError::Inexpressible(_) => Failure::permanent(cause),
        FetchError::Unresolved(_)
        | FetchError::Unreachable(_)
        | FetchError::Unreadable(_)
        | FetchError::TooLarge(_)
        | FetchError::TimedOut => Failure::retry(cause),
    }
}
