//! The whole bundle from outside: the real binaries in the local cloud, over HTTP.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where it finds something else than it expects"
)]

mod background;
mod client;
mod edge;
mod faults;
mod hostile;
mod mail;
mod session;
mod work;
