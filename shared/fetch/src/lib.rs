//! Requests to addresses that others name, which can't be turned against us.
//!
//! [`OutboundRules`](peregrine_core::outbound::OutboundRules) say what may be asked for. Here they are applied to every
//! request, and to every address that its host resolves to, at the moment of connecting: what was checked is what is
//! connected to, so a name server that changes its mind in between gains nothing. Each request has a connection of its
//! own, no proxy, and an end; redirects are answers like others, which the caller may follow by another request.

mod error;
mod fetcher;
mod resolve;

pub use error::FetchError;
pub use fetcher::{Answer, Fetcher, Outgoing};
pub use reqwest::dns::{Addrs, Name, Resolve, Resolving};
pub use reqwest::{Method, StatusCode, header};
