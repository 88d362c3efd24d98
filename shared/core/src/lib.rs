//! Models, rules, tokens, passwords and tables of Peregrine.
//!
//! Nothing here knows HTTP, so that workers can use all of it. The modules that talk to AWS need the feature `aws`.

pub mod api_key;
pub mod audit;
#[cfg(feature = "aws")]
pub mod aws;
pub mod cause;
pub mod clock;
pub mod decimal;
pub mod email;
#[cfg(feature = "aws")]
pub mod idempotency;
pub mod item;
pub mod job;
pub mod limit;
pub mod lockout;
pub mod mail;
pub mod notification;
pub mod one_time;
pub mod outbound;
pub mod page;
pub mod password;
#[cfg(feature = "aws")]
pub mod queue;
pub mod random;
pub mod scope;
mod seal;
pub mod session;
pub mod settings;
pub mod suppression;
#[cfg(feature = "aws")]
pub mod table;
pub mod telemetry;
pub mod token;
pub mod totp;
pub mod user;
pub mod validation;
pub mod web_url;
pub mod webhook;

// The code that `#[derive(Validate)]` generates names this crate by its full name, here too.
extern crate self as peregrine_core;
