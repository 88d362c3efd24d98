use peregrine_core::validation::Fault;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::client::{Client, Hardened};
use peregrine_http::precondition::Precondition;
use peregrine_http::request::{Part, Received};

/// What a change of an account goes by, besides what it changes.
#[derive(Debug, Clone)]
pub(crate) struct Circumstances {
    /// The state that it is made to.
    pub(crate) precondition: Precondition,
    /// Where it comes from.
    pub(crate) client: Client,
    /// Where the links in mails about it lead.
    pub(crate) base_url: String,
    /// Whether sign-in is hardened.
    pub(crate) hardened: Hardened,
}

impl Part for Circumstances {
    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        let (precondition, client, BaseUrl(base_url), hardened) = Part::read(received, faults)?;
        Some(Self { precondition, client, base_url, hardened })
    }
}
