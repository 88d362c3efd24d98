//! What the tests of the bundle share: all routers in one process on the embedded AWS parts, and accounts to call with.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "what does not work here fails the test that uses it"
)]

pub mod app;
pub mod calls;
pub mod client;
mod gateway;
pub mod log;
mod mail;
pub mod openapi;
pub mod records;
