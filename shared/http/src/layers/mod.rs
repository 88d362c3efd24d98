//! The layers around a function's router, a module each. `service` puts them together.

use axum::http::HeaderName;

/// The header field that an API key comes in.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

pub(crate) mod address;
pub(crate) mod caching;
pub(crate) mod cors;
pub(crate) mod deadline;
pub(crate) mod exchange;
pub(crate) mod host;
pub(crate) mod log;
pub(crate) mod problem;
pub(crate) mod rate;
pub(crate) mod security;
