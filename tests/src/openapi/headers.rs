//! The header fields that answers share. What each means stands in `components.json`.

use utoipa::openapi::{Ref, RefOr, Response};

/// On every answer.
pub(super) const ALWAYS: &[&str] = &["X-Request-ID", "X-Process-Time"];
/// On every answer of an operation that counts towards a limit.
pub(super) const WHERE_LIMITED: &[&str] = &["RateLimit", "RateLimit-Policy"];

/// Adds header fields to an answer.
pub(super) fn add(response: &mut Response, names: &[&str]) {
    for name in names {
        response.headers.insert((*name).to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))));
    }
}
