//! Where clients find the API, for links that leave it, as in mail.

use axum::http::header::HOST;
use peregrine_core::validation::Fault;

use crate::layers::address::names_host;
use crate::request::{Part, Received};

/// Scheme and host at which clients find the API, without a slash at the end: what the setting `PUBLIC_URL` says, or
/// where this request was sent to, which the layers have checked against the hosts that are allowed.
#[derive(Debug, Clone)]
pub struct BaseUrl(pub String);

impl Part for BaseUrl {
    fn read(received: &Received, _: &mut Vec<Fault>) -> Option<Self> {
        if let Some(url) = received.exchange.public_url() {
            return Some(Self(url.to_owned()));
        }
        let field = |name| received.headers().get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
        let host = field(HOST.as_str()).filter(|host| names_host(host)).unwrap_or("localhost");
        // Whoever could choose the scheme would choose where the link leads: `https://evil.example/?`.
        let scheme = field("x-forwarded-proto").filter(|scheme| *scheme == "http").unwrap_or("https");
        Some(Self(format!("{scheme}://{host}")))
    }
}
