//! The routers of all functions in one process, on the embedded AWS parts: what the API promises.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where it finds something else than it expects"
)]

mod access;
mod admins;
mod api_keys;
mod audit;
mod claims;
mod conditional;
mod contract;
mod costs;
mod docs;
mod document;
mod edge;
mod events;
mod forged_tokens;
mod hardened;
mod header_injection;
mod idempotency;
mod items;
mod jobs;
mod keys;
mod limits;
mod lists;
mod lockout;
mod login;
mod mail_events;
mod notices;
mod pace;
mod requests;
mod reset_password;
mod scopes;
mod search;
mod second_factor;
mod security_map;
mod sessions;
mod settings;
mod suppressions;
mod tables;
mod template;
mod tokens;
mod unsubscribe;
mod users;
mod verify_email;
mod webhooks;
