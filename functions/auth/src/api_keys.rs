//! API keys: credentials that users make for their programs.
//!
//! To create or delete one takes a sign-in: who has a key must not be able to make others of it.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
