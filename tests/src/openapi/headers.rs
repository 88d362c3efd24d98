//! The header fields that answers share. What each means stands in `components.json`.

use utoipa::openapi::{Ref, RefOr, Response};

/// On every answer.
pub(super) const ALWAYS: &[&str] = &["X-Request-ID", "X-Process-Time"];
/// On every answer of an operation that counts towards a limit.
pub(super) const WHERE_LIMITED: &[&str] = &["RateLimit", "RateLimit-Policy"];
/// What an answer has by what it is.
const BY_KIND: &[&str] = &["ETag", "Link", "Location", "Retry-After"];

/// Adds header fields to an answer.
pub(super) fn add(response: &mut Response, names: &[&str]) {
    for name in names {
        response.headers.insert((*name).to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))));
    }
}

/// Replaces the header fields that a handler describes by the shared ones of the same names.
pub(super) fn share(response: &mut Response) {
    let described = std::mem::take(&mut response.headers);
    for (name, header) in described {
        match BY_KIND.iter().find(|shared| shared.eq_ignore_ascii_case(&name)) {
            Some(shared) => add(response, &[shared]),
            None => drop(response.headers.insert(name, header)),
        }
    }
}
