//! The HTTP edge: validated requests, callers, error answers and the Lambda service.
//!
//! A function crate builds its router with `utoipa_axum`, gives it to [`service::run`], and writes handlers whose
//! arguments say all that a request must be: [`Valid`](request::Valid).

mod body;
#[cfg(feature = "auth")]
pub mod caller;
pub mod conditional;
pub mod edge;
pub mod encoding;
pub mod error;
#[cfg(feature = "auth")]
pub mod idempotency;
mod layers;
pub mod list;
#[cfg(feature = "auth")]
pub mod pace;
pub mod parts;
pub mod race;
pub mod request;
#[cfg(feature = "auth")]
pub mod response;
pub mod service;
mod weights;
