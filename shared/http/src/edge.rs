//! What the layers around a function's router go by.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use peregrine_core::clock::Clock;
use peregrine_core::settings::Environment;

use crate::layers::cors::Cors;
use crate::layers::host::{Hosts, PublicUrl};

/// The settings of the layers. Every function has them, whatever it serves.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Which hosts requests may be for.
    pub(crate) hosts: Hosts,
    /// Where clients find the API, if a setting says so.
    pub(crate) public_url: Option<Arc<str>>,
    /// Which web pages may read answers.
    pub(crate) cors: Cors,
    /// The header field in which a trusted proxy names the client's address.
    client_address: Option<HeaderName>,
    /// Whether a change of a resource must name the state that it is made to.
    pub(crate) if_match_required: bool,
    /// Whether sign-in follows OWASP where the guides do not.
    pub(crate) hardened: bool,
    /// The time, for deadlines.
    pub(crate) clock: Clock,
}

impl Edge {
    /// Layers without any setting: the gateway's own domain, no foreign web pages, addresses as the gateway saw them.
    pub fn new(clock: Clock) -> Self {
        Self {
            hosts: Hosts::default(),
            public_url: None,
            cors: Cors::default(),
            client_address: None,
            if_match_required: false,
            hardened: false,
            clock,
        }
    }

    /// Reads the settings, all of which may be left out:
    ///
    /// - `ALLOWED_HOSTS`: host names, separated by spaces, `*.example.com` for all below, `*` for any. With `*`, links
    ///   in mails name the gateway's own domain, unless there is a `PUBLIC_URL`;
    /// - `PUBLIC_URL`: where clients find the API. Without `ALLOWED_HOSTS` its host is the one that is allowed;
    /// - `CORS_ORIGINS`: origins of web pages, separated by spaces, or `*`;
    /// - `CLIENT_ADDRESS_HEADER`: the header field in which a trusted proxy names the client's address;
    /// - `REQUIRE_IF_MATCH`: `true` answers 428 to changes without `If-Match`;
    /// - `HARDENED`: `true` follows OWASP where the guides do not, see `docs/security.md`.
    pub fn from_env(environment: &mut Environment, clock: Clock) -> Self {
        let allowed = environment.parsed::<Hosts>("ALLOWED_HOSTS");
        let public = environment.parsed::<PublicUrl>("PUBLIC_URL");
        Self {
            hosts: allowed.or(public.as_ref().map(PublicUrl::hosts)).unwrap_or_default(),
            public_url: public.as_ref().map(PublicUrl::url),
            cors: environment.parsed("CORS_ORIGINS").unwrap_or_default(),
            client_address: environment.parsed("CLIENT_ADDRESS_HEADER"),
            if_match_required: environment.parsed("REQUIRE_IF_MATCH").unwrap_or_default(),
            hardened: environment.parsed("HARDENED").unwrap_or_default(),
            clock,
        }
    }

    /// The client's address: what the trusted proxy's header names last, or else what the gateway saw.
    pub(crate) fn client_address(&self, headers: &HeaderMap, seen: Option<IpAddr>) -> Option<IpAddr> {
        let Some(name) = &self.client_address else { return seen };
        let list = headers.get_all(name).iter().next_back().and_then(|value| value.to_str().ok()).unwrap_or_default();
        let addresses = list.split(',').filter_map(|text| address_of(name, text.trim()));
        // The gateway itself appends to `X-Forwarded-For` what it saw: the proxy. What stands further left than the
        // proxy's own entry was sent by the client and could be anything.
        addresses.filter(|address| Some(*address) != seen).last().or(seen)
    }
}

/// The field in which `CloudFront` names client and port, for IPv6 without brackets: `2001:db8::1:443`.
const CLOUDFRONT_VIEWER_ADDRESS: &str = "cloudfront-viewer-address";

/// An address: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`.
fn address_of(name: &HeaderName, text: &str) -> Option<IpAddr> {
    if name == CLOUDFRONT_VIEWER_ADDRESS {
        let (address, _port) = text.rsplit_once(':')?;
        return address.trim_start_matches('[').trim_end_matches(']').parse().ok();
    }
    text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
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
        let address = |edge: &Edge, name: &'static str, sent: &'static str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), sent.parse().unwrap())]);
            edge.client_address(&headers, seen).unwrap().to_string()
        };
        let forwarded = edge(&[("CLIENT_ADDRESS_HEADER", "X-Forwarded-For")]).unwrap();
        for (sent, expected) in [
            ("198.51.100.1", "198.51.100.1"),
            ("203.0.113.9, 198.51.100.1", "198.51.100.1"),
            ("203.0.113.9, 198.51.100.1, 192.0.2.7", "198.51.100.1"),
            ("198.51.100.1:443", "198.51.100.1"),
            ("2001:db8::1:443", "2001:db8::1:443"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("192.0.2.7", "192.0.2.7"),
            ("nonsense", "192.0.2.7"),
        ] {
            assert_eq!(address(&forwarded, "x-forwarded-for", sent), expected, "{sent}");
        }
        let viewer = edge(&[("CLIENT_ADDRESS_HEADER", "CloudFront-Viewer-Address")]).unwrap();
        for (sent, expected) in [
            ("198.51.100.1:46532", "198.51.100.1"),
            ("2001:db8::1:443", "2001:db8::1"),
            ("2001:db8::a:b:c:d:1234", "2001:db8::a:b:c:d"),
            ("[2001:db8::1]:443", "2001:db8::1"),
        ] {
            assert_eq!(address(&viewer, "cloudfront-viewer-address", sent), expected, "{sent}");
        }
        assert_eq!(address(&edge(&[]).unwrap(), "x-forwarded-for", "198.51.100.1"), "192.0.2.7");
    }
}
