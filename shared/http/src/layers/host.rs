//! Which hosts requests may be for, as Starlette's `TrustedHostMiddleware` decides it: a forged `Host` must not get
//! into links, caches or logs.

use std::str::FromStr;
use std::sync::Arc;

use axum::http::header::HOST;
use axum::http::uri::Scheme;
use axum::http::{HeaderMap, Uri};

/// The allowed hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// The domain name that the gateway itself says the request is for.
    #[default]
    Gateway,
    /// Names in lower case, `*.example.com` for all below, `*` for any.
    Listed(Vec<String>),
}

/// The URL at which clients find the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    url: Arc<str>,
    host: String,
}

/// The setting names no hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostsError {
    #[error("a `*` stands alone or in front, as in `*.example.com`")]
    Wildcard,
    #[error("it is no URL with http or https and a host")]
    Url,
    #[error("it names no host")]
    Empty,
}

impl FromStr for Hosts {
    type Err = HostsError;

    /// Reads names that are separated by spaces or commas.
    fn from_str(list: &str) -> Result<Self, HostsError> {
        let hosts: Vec<_> = list.split([' ', ',']).filter(|host| !host.is_empty()).map(lower).collect();
        let misplaced = |host: &String| host != "*" && host.strip_prefix("*.").unwrap_or(host).contains('*');
        match hosts {
            hosts if hosts.is_empty() => Err(HostsError::Empty),
            hosts if hosts.iter().any(misplaced) => Err(HostsError::Wildcard),
            hosts => Ok(Self::Listed(hosts)),
        }
    }
}

impl FromStr for PublicUrl {
    type Err = HostsError;

    fn from_str(text: &str) -> Result<Self, HostsError> {
        let url: Uri = text.parse().map_err(|_| HostsError::Url)?;
        let is_http = url.scheme().is_some_and(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        let host = url.host().filter(|host| is_http && !host.is_empty()).map(lower).ok_or(HostsError::Url)?;
        Ok(Self { url: text.trim_end_matches('/').into(), host })
    }
}

impl PublicUrl {
    /// The URL, without a slash at the end.
    pub(crate) fn url(&self) -> Arc<str> {
        Arc::clone(&self.url)
    }

    /// Its host, as the one that is allowed.
    pub(crate) fn hosts(&self) -> Hosts {
        Hosts::Listed(vec![self.host.clone()])
    }
}

impl Hosts {
    /// Whether requests for any host are answered.
    pub(crate) fn are_any(&self) -> bool {
        matches!(self, Self::Listed(hosts) if hosts.iter().any(|pattern| pattern == "*"))
    }

    /// Whether a request with these headers is for one of them. `gateway` is the gateway's own name for the API.
    pub(crate) fn allow(&self, headers: &HeaderMap, gateway: Option<&str>) -> bool {
        let host = headers.get(HOST).and_then(|value| value.to_str().ok()).map(without_port);
        match (self, host, gateway) {
            _ if self.are_any() => true,
            (Self::Listed(hosts), Some(host), _) => hosts.iter().any(|pattern| matches(pattern, &lower(host))),
            (Self::Gateway, Some(host), Some(gateway)) => host.eq_ignore_ascii_case(gateway),
            // Without a gateway nobody says whose request it is; a gateway always names a host.
            (Self::Gateway, _, None) => true,
            (_, None, _) => false,
        }
    }
}

fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix),
        None => host == pattern,
    }
}

fn lower(host: &str) -> String {
    host.to_ascii_lowercase()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(hosts: &Hosts, host: &str, gateway: Option<&str>) -> bool {
        hosts.allow(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]), gateway)
    }

    #[test]
    fn the_gateways_own_name_is_allowed_by_default() {
        let gateway = "abc.execute-api.eu-west-1.amazonaws.com";
        let hosts = Hosts::default();
        assert!(allow(&hosts, "Abc.execute-api.eu-west-1.amazonaws.com", Some(gateway)));
        assert!(allow(&hosts, "localhost:8000", Some("localhost")));
        assert!(allow(&hosts, "[::1]:8000", Some("[::1]")));
        assert!(!allow(&hosts, "evil.example", Some("localhost")));
        assert!(!hosts.allow(&HeaderMap::new(), Some("localhost")));
    }

    #[test]
    fn a_public_url_takes_the_place_of_the_gateways_name() {
        let public = "https://API.example.com:8443/v1".parse::<PublicUrl>().unwrap().hosts();
        assert!(allow(&public, "api.example.com", Some("localhost")));
        assert!(!allow(&public, "localhost", Some("localhost")));
        for url in ["api.example.com", "https://", "ftp://api.example.com", "/v1"] {
            assert_eq!(url.parse::<PublicUrl>(), Err(HostsError::Url), "{url}");
        }
    }

    #[test]
    fn a_list_allows_names_and_all_names_below() {
        let listed: Hosts = "api.example.com, *.example.org".parse().unwrap();
        assert!(allow(&listed, "API.example.com", None));
        assert!(allow(&listed, "a.b.example.org:1", None));
        assert!(!allow(&listed, "example.org", None));
        assert!(!allow(&listed, "badexample.org", None));
        assert!(allow(&"*".parse().unwrap(), "anything", Some("localhost")));
        for list in ["a*.example.com", "**", "*example.com"] {
            assert_eq!(list.parse::<Hosts>(), Err(HostsError::Wildcard), "{list}");
        }
        assert_eq!(" , ".parse::<Hosts>(), Err(HostsError::Empty), "which would refuse everything");
    }
}
