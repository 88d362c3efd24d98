//! What the layers around a function's router go by.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use peregrine_core::clock::Clock;
use peregrine_core::settings::Environment;

use crate::layers::cors::Cors;
use crate::layers::host::{Hosts, PublicHost};

/// The settings of the layers. Every function has them, whatever it serves.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Which hosts requests may be for.
    pub(crate) hosts: Hosts,
    /// Which web pages may read answers.
    pub(crate) cors: Cors,
    /// The header field in which a trusted proxy names the client's address.
    client_address: Option<HeaderName>,
    /// Whether a change of a resource must name the state that it is made to.
    pub(crate) if_match_required: bool,
    /// The time, for deadlines.
    pub(crate) clock: Clock,
}

impl Edge {
    /// Layers without any setting: the gateway's own domain, no foreign web pages, addresses as the gateway saw them.
    pub fn new(clock: Clock) -> Self {
        Self { hosts: Hosts::default(), cors: Cors::default(), client_address: None, if_match_required: false, clock }
    }

    /// Reads the settings, all of which may be left out:
    ///
    /// - `ALLOWED_HOSTS`: host names, separated by spaces, `*.example.com` for all below, `*` for any;
    /// - `PUBLIC_URL`: where clients find the API. Without `ALLOWED_HOSTS` its host is the one that is allowed;
    /// - `CORS_ORIGINS`: origins of web pages, separated by spaces, or `*`;
    /// - `CLIENT_ADDRESS_HEADER`: the header field in which a trusted proxy names the client's address;
    /// - `REQUIRE_IF_MATCH`: `true` answers 428 to changes without `If-Match`.
    pub fn from_env(environment: &mut Environment, clock: Clock) -> Self {
        let allowed = environment.parsed::<Hosts>("ALLOWED_HOSTS");
        let public = environment.parsed::<PublicHost>("PUBLIC_URL").map(Hosts::from);
        Self {
            hosts: allowed.or(public).unwrap_or_default(),
            cors: environment.parsed("CORS_ORIGINS").unwrap_or_default(),
            client_address: environment.parsed("CLIENT_ADDRESS_HEADER"),
            if_match_required: environment.parsed("REQUIRE_IF_MATCH").unwrap_or_default(),
            clock,
        }
    }

    /// The client's address: the last one that the trusted proxy's header names, or else what the gateway saw.
    pub(crate) fn client_address(&self, headers: &HeaderMap, seen: Option<IpAddr>) -> Option<IpAddr> {
        let named = self.client_address.as_ref().and_then(|name| headers.get_all(name).iter().next_back());
        // What stands further left was sent by the client itself and could be anything.
        let last = named.and_then(|value| value.to_str().ok()).and_then(|list| list.rsplit(',').next());
        last.and_then(|text| address_of(text.trim())).or(seen)
    }
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`, and the form of
/// `CloudFront-Viewer-Address`, `2001:db8::1:443`, whose last group is a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let without_port = || text.rsplit_once(':').and_then(|(address, _port)| bare(address));
    bare(text).or_else(without_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(settings: &'static [(&'static str, &'static str)]) -> Result<Edge, String> {
        let read = move |wanted: &str| settings.iter().find(|(name, _)| *name == wanted).map(|(_, v)| (*v).to_owned());
        let mut environment = Environment::from_fn(read);
        let edge = Edge::from_env(&mut environment, Clock::system());
        environment.finish().map(|()| edge).map_err(|error| error.to_string())
    }

    #[test]
    fn all_malformed_settings_are_named() {
        let problem = edge(&[
            ("PUBLIC_URL", "not a url"),
            ("CORS_ORIGINS", "example.com"),
            ("CLIENT_ADDRESS_HEADER", "a b"),
            ("REQUIRE_IF_MATCH", "maybe"),
        ])
        .unwrap_err();
        for name in ["PUBLIC_URL", "CORS_ORIGINS", "CLIENT_ADDRESS_HEADER", "REQUIRE_IF_MATCH"] {
            assert!(problem.contains(name), "{problem}");
        }
    }

    #[test]
    fn the_trusted_proxy_names_the_client_and_nobody_else_does() {
        let seen = Some("192.0.2.7".parse().unwrap());
        let address = |edge: &Edge, sent: &'static str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), sent.parse().unwrap())]);
            edge.client_address(&headers, seen).unwrap().to_string()
        };
        let trusting = edge(&[("CLIENT_ADDRESS_HEADER", "X-Forwarded-For")]).unwrap();
        for (sent, expected) in [
            ("198.51.100.1", "198.51.100.1"),
            ("203.0.113.9, 198.51.100.1", "198.51.100.1"),
            ("198.51.100.1:443", "198.51.100.1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("nonsense", "192.0.2.7"),
        ] {
            assert_eq!(address(&trusting, sent), expected, "{sent}");
        }
        assert_eq!(address(&edge(&[]).unwrap(), "198.51.100.1"), "192.0.2.7");
    }
}
