//! Where requests may go whose address somebody else has named.
//!
//! Such an address could lead back into our own network: to the function's runtime, to the credentials that a cloud
//! hands out at 169.254.169.254, to a database that trusts its neighbours (CWE-918, server-side request forgery). So
//! requests go to the public Internet only, and nowhere else unless the operator says so. The rules here are those that
//! the text of an address can break, without asking anybody; the crate `peregrine-fetch` applies them again, and to
//! what a name resolves to as well.

mod exceptions;
mod public;

use url::{Host, Url};

use crate::settings::Environment;
use crate::web_url::WebUrl;

pub use exceptions::{Exceptions, ExceptionsError};
pub use public::is_public;

/// Where web servers are found by convention. Any other port would make of us a scanner of ports.
const PORTS: [u16; 4] = [80, 443, 8080, 8443];

/// Which addresses may be asked for.
#[derive(Debug, Clone, Default)]
pub struct OutboundRules {
    exceptions: Exceptions,
    is_https_only: bool,
}

/// Why an address may not be asked for: a sentence for whoever named it, which tells nothing of what is found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has a user name or a password in it.
    #[error("the URL must not contain a user name or a password")]
    Credentials,
    /// What is sent would not be encrypted.
    #[error("the URL scheme must be 'https'")]
    Unencrypted,
    /// It names another port than those of the web.
    #[error("the port is not allowed, only 80, 443, 8080 and 8443 are")]
    Port,
    /// It is not on the public Internet.
    #[error("the address is not allowed")]
    Destination,
}

impl OutboundRules {
    /// The public Internet by `http` and `https`, and these exceptions.
    pub fn new(exceptions: Exceptions) -> Self {
        Self { exceptions, is_https_only: false }
    }

    /// Rules with the exceptions that `OUTBOUND_ALLOW` lists. There are none if it is left out.
    pub fn from_env(environment: &mut Environment) -> Self {
        Self::new(environment.parsed("OUTBOUND_ALLOW").unwrap_or_default())
    }

    /// The same, by `https` alone. An exception may be reached by `http` all the same.
    #[must_use]
    pub fn https_only(self) -> Self {
        Self { is_https_only: true, ..self }
    }

    /// Whether the address breaks a rule on its face. A name that passes can still resolve to where it may not lead.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self, url: &WebUrl) -> Result<(), Refused> {
        let parts = url.parts();
        if !parts.username().is_empty() || parts.password().is_some() {
            return Err(Refused::Credentials);
        }
        if self.is_exception(url) {
            return Ok(());
        }
        if self.is_https_only && parts.scheme() != "https" {
            return Err(Refused::Unencrypted);
        }
        if !parts.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) {
            return Err(Refused::Port);
        }
        if may_be_public(parts) { Ok(()) } else { Err(Refused::Destination) }
    }

    /// Whether the operator has excepted the address, so that it is trusted wherever it leads.
    pub fn is_exception(&self, url: &WebUrl) -> bool {
        self.exceptions.contain(url.parts())
    }
}

/// Whether the host is a public address, or a name that may have one. The parser of URLs has made addresses of all
/// their notations by now: decimal, octal, hexadecimal, with fewer than four parts, in other digits.
fn may_be_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        // RFC 6761 section 6.3: this name and all below it mean the machine itself.
        Some(Host::Domain(name)) => name.trim_end_matches('.').rsplit('.').next() != Some("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &OutboundRules, url: &str) -> Result<(), Refused> {
        rules.check(&WebUrl::parse(url).unwrap())
    }

    #[test]
    fn the_public_internet_may_be_asked() {
        let rules = OutboundRules::default();
        for url in [
            "https://example.com/",
            "http://example.com:80/",
            "https://example.com:8443/hooks?x=1#y",
            "http://example.com:8080",
            "https://localhost.example.com",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "https://[64:ff9b::1.1.1.1]/",
        ] {
            assert_eq!(check(&rules, url), Ok(()), "{url}");
        }
    }

    #[test]
    fn an_address_that_is_not_public_is_refused_in_every_notation() {
        let rules = OutboundRules::default();
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.0.1.",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "0.0.0.0",
            // Full-width digits, enclosed digits, an ideographic full stop, percent-encoding.
            "１２７.0.0.1",
            "①②⑦.0.0.1",
            "127。0。0。1",
            "%31%32%37.0.0.1",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:8.8.8.8]",
            "[::127.0.0.1]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::169.254.169.254]",
            "[64:ff9b:1::8.8.8.8]",
            "[2002:7f00:1::]",
            "[2001:0:0:1::]",
            "[fd00:ec2::254]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "ⓛocalhost",
            "db.localhost",
        ] {
            assert_eq!(check(&rules, &format!("http://{host}/")), Err(Refused::Destination), "{host}");
        }
    }

    #[test]
    fn other_ports_and_credentials_are_refused() {
        let rules = OutboundRules::default();
        for (url, expected) in [
            ("http://example.com:22/", Refused::Port),
            ("http://example.com:9000/", Refused::Port),
            ("https://example.com:0/", Refused::Port),
            ("https://ann@example.com/", Refused::Credentials),
            ("https://ann:secret@example.com/", Refused::Credentials),
            ("https://:secret@example.com/", Refused::Credentials),
            ("https://example.com@127.0.0.1/", Refused::Credentials),
        ] {
            assert_eq!(check(&rules, url), Err(expected), "{url}");
        }
        // What looks like user info and is none: the host is the first one here, as browsers see it.
        assert_eq!(check(&rules, r"https://example.com\@127.0.0.1/"), Ok(()));
        assert_eq!(check(&rules, r"https://127.0.0.1\@example.com/"), Err(Refused::Destination));
    }

    #[test]
    fn what_must_be_encrypted_is_not_sent_otherwise() {
        let rules = OutboundRules::default().https_only();
        assert_eq!(check(&rules, "http://example.com/"), Err(Refused::Unencrypted));
        assert_eq!(check(&rules, "https://example.com/"), Ok(()));
    }

    #[test]
    fn an_exception_is_for_one_host_and_port() {
        let rules = OutboundRules::new("127.0.0.1:9000, hooks.internal:80".parse().unwrap()).https_only();
        for url in ["http://127.0.0.1:9000/x", "https://2130706433:9000", "http://hooks.internal/"] {
            assert_eq!(check(&rules, url), Ok(()), "{url}");
        }
        assert_eq!(check(&rules, "https://127.0.0.1:443/"), Err(Refused::Destination));
        assert_eq!(check(&rules, "https://127.0.0.2:9000/"), Err(Refused::Port));
        assert_eq!(check(&rules, "http://hooks.internal:8080/"), Err(Refused::Unencrypted));
        assert_eq!(check(&rules, "http://ann@127.0.0.1:9000/"), Err(Refused::Credentials));
    }

    #[test]
    fn there_are_no_exceptions_unless_the_operator_makes_some() {
        let mut environment = Environment::from_fn(|_| None);
        let rules = OutboundRules::from_env(&mut environment);
        environment.finish().unwrap();
        assert_eq!(check(&rules, "http://127.0.0.1:8080/"), Err(Refused::Destination));

        let mut environment = Environment::from_fn(|_| Some("127.0.0.1".to_owned()));
        OutboundRules::from_env(&mut environment);
        let message = environment.finish().unwrap_err().to_string();
        assert!(message.contains("OUTBOUND_ALLOW is malformed: it must be"), "{message}");
    }
}
