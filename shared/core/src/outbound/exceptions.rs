use std::str::FromStr;

use url::{Host, Url};

/// Hosts and ports that may be asked although they are not public: receivers inside the operator's network, or on the
/// machine that tests run on.
///
/// Written as `host:port`, `address:port` or `[address]:port`, with commas or spaces between them. An exception is for
/// the host as URLs name it: one for an address says nothing about the names that resolve to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<(Host, u16)>);

/// Why a text lists no exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be a list of hosts with ports, like `127.0.0.1:9000, hooks.internal:8443`")]
pub struct ExceptionsError;

impl Exceptions {
    pub(super) fn contain(&self, url: &Url) -> bool {
        let (Some(asked_host), Some(asked_port)) = (url.host(), url.port_or_known_default()) else { return false };
        self.0.iter().any(|(host, port)| *host == asked_host && *port == asked_port)
    }
}

impl FromStr for Exceptions {
    type Err = ExceptionsError;

    fn from_str(text: &str) -> Result<Self, ExceptionsError> {
        let entries = text.split([',', ' ']).filter(|entry| !entry.is_empty());
        entries.map(exception).collect::<Result<_, _>>().map(Self)
    }
}

fn exception(entry: &str) -> Result<(Host, u16), ExceptionsError> {
    let (host, port) = entry.rsplit_once(':').ok_or(ExceptionsError)?;
    Ok((Host::parse(host).map_err(|_| ExceptionsError)?, port.parse().map_err(|_| ExceptionsError)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_as_urls_name_them() {
        let exceptions: Exceptions = "[::1]:80,Hooks.Internal:443 0x7f.1:9000".parse().unwrap();
        for url in ["http://[0::1]", "https://hooks.INTERNAL/x", "http://127.0.0.1:9000"] {
            assert!(exceptions.contain(&Url::parse(url).unwrap()), "{url}");
        }
        for url in ["https://[::1]", "https://a.hooks.internal", "http://127.0.0.1:9001", "http://hooks.internal"] {
            assert!(!exceptions.contain(&Url::parse(url).unwrap()), "{url}");
        }
    }

    #[test]
    fn what_is_no_host_with_a_port_is_no_exception() {
        assert_eq!("".parse(), Ok(Exceptions::default()));
        for text in
            ["hooks.internal", ":80", "hooks.internal:", "hooks.internal:http", "a:65536", "::1", "10.0.0.0/8:80"]
        {
            assert_eq!(text.parse::<Exceptions>(), Err(ExceptionsError), "{text}");
        }
    }
}
