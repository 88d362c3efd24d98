//! Tells clients where they stand with their rate limits (draft-ietf-httpapi-ratelimit-headers).

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use peregrine_core::limit::Standing;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Adds the policy that the request was counted by, and what is left of it.
pub(crate) fn mark(standing: &Standing, headers: &mut HeaderMap) {
    let Standing { policy, quota, remaining, reset, .. } = standing;
    let name = policy.as_str();
    let fields = [
        (RATE_LIMIT_POLICY, format!("\"{name}\";q={};w={}", quota.requests, quota.seconds)),
        (RATE_LIMIT, format!("\"{name}\";r={remaining};t={reset}")),
    ];
    for (field, value) in fields {
        // Names and digits are valid in a header.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(field, value);
        }
    }
}
