use std::net::SocketAddr;
use std::sync::Arc;

use peregrine_core::outbound::{Refused, is_public};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Asks the system.
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Passes on the public ones of the addresses that another resolver finds, and nothing else of what it says. A name
/// that has others only is refused.
pub(crate) struct PublicOnly(pub(crate) Arc<dyn Resolve>);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let resolving = self.0.resolve(name);
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await?.collect();
            // Without a port: where the URL names none, one that a resolver gives would be connected to.
            let public: Vec<SocketAddr> = found
                .iter()
                .filter(|address| is_public(address.ip()))
                .map(|address| SocketAddr::new(address.ip(), 0))
                .collect();
            if public.is_empty() && !found.is_empty() {
                return Err(Refused::Destination.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Gives one answer after the other.
    struct Answers(Mutex<Vec<Vec<&'static str>>>);

    impl Resolve for Answers {
        fn resolve(&self, _: Name) -> Resolving {
            let answer = self.0.lock().unwrap().remove(0);
            let addresses: Vec<SocketAddr> = answer.iter().map(|address| address.parse().unwrap()).collect();
            Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
        }
    }

    async fn resolve(resolver: &PublicOnly, name: &str) -> Result<Vec<String>, Option<Refused>> {
        match resolver.resolve(name.parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.map(|address| address.to_string()).collect()),
            Err(error) => Err(error.downcast_ref().copied()),
        }
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_refused() {
        let resolver = PublicOnly(Arc::new(SystemResolver));
        assert_eq!(resolve(&resolver, "localhost").await, Err(Some(Refused::Destination)));
    }

    #[tokio::test]
    async fn a_name_that_rebinds_is_refused_as_soon_as_it_does() {
        let answers = vec![vec!["1.1.1.1:0"], vec!["127.0.0.1:0"], vec!["[::ffff:10.0.0.1]:0"], vec!["[fd00::1%2]:0"]];
        let resolver = PublicOnly(Arc::new(Answers(Mutex::new(answers))));
        assert_eq!(resolve(&resolver, "example.com").await, Ok(vec!["1.1.1.1:0".to_owned()]));
        for _ in 0..3 {
            assert_eq!(resolve(&resolver, "example.com").await, Err(Some(Refused::Destination)));
        }
    }

    #[tokio::test]
    async fn of_mixed_addresses_the_public_ones_are_left_without_ports() {
        let answer = vec!["10.0.0.1:22", "1.1.1.1:22", "[::1]:0", "[2606:4700::1111]:0"];
        let resolver = PublicOnly(Arc::new(Answers(Mutex::new(vec![answer, vec![]]))));
        let public = vec!["1.1.1.1:0".to_owned(), "[2606:4700::1111]:0".to_owned()];
        assert_eq!(resolve(&resolver, "example.com").await, Ok(public));
        assert_eq!(resolve(&resolver, "example.com").await, Ok(Vec::new()), "no addresses are no refusal");
    }
}
