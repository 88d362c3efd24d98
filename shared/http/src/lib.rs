//! The HTTP edge: validated requests, callers, error answers, layers and the Lambda service.
//!
//! A function crate builds its router with `utoipa_axum`, gives it to [`service::run`], and writes handlers whose
//! arguments say all that a request must be: `request::Valid`. Everything about requests with callers and input needs
//! the feature `auth`, and with it the AWS SDK.

#![cfg_attr(not(feature = "auth"), expect(dead_code, reason = "the layers keep for callers what only they ask for"))]

#[cfg(feature = "auth")]
pub mod base_url;
#[cfg(feature = "auth")]
mod body;
#[cfg(feature = "auth")]
pub mod caller;
#[cfg(feature = "auth")]
pub mod client;
#[cfg(feature = "auth")]
pub mod counting;
pub mod edge;
pub mod encoding;
pub mod entity_tag;
pub mod error;
#[cfg(feature = "auth")]
pub mod idempotency;
#[cfg(feature = "auth")]
mod known_keys;
mod layers;
#[cfg(feature = "auth")]
pub mod list;
#[cfg(feature = "auth")]
pub mod pace;
#[cfg(feature = "auth")]
pub mod parts;
#[cfg(feature = "auth")]
pub mod precondition;
#[cfg(feature = "auth")]
pub mod promise;
#[cfg(feature = "auth")]
pub mod race;
#[cfg(feature = "auth")]
pub mod request;
#[cfg(feature = "auth")]
pub mod response;
pub mod routes;
pub mod service;
#[cfg(feature = "auth")]
pub mod user_path;
pub mod web_page;
mod weights;
