use std::error::Error;

use peregrine_core::outbound::Refused;

/// Why a request brought no answer. Each is a sentence for whoever named the address, without the address and without
/// anything that was found there; the sources are for the log.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address breaks the rules, on its face or by what its host resolves to.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The address or a header field can't be written in HTTP.
    #[error("the request can't be expressed in HTTP")]
    Inexpressible(#[source] reqwest::Error),
    /// The host has no address that is known now.
    #[error("the host name could not be resolved")]
    Unresolved(#[source] reqwest::Error),
    /// Nobody accepts connections there, or not with a certificate for this host.
    #[error("no connection could be made")]
    Unreachable(#[source] reqwest::Error),
    /// The answer broke off, is no HTTP, or has too large a head.
    #[error("the answer was not readable")]
    Unreadable(#[source] reqwest::Error),
    /// The answer's body is larger than asked for.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// It took too long.
    #[error("there was no answer in time")]
    TimedOut,
}

impl FetchError {
    pub(crate) fn of(error: reqwest::Error) -> Self {
        // The address is left out, because it can hold a secret in its path or query.
        let error = error.without_url();
        if let Some(refused) = refusal(&error) {
            return Self::Refused(refused);
        }
        if error.is_builder() {
            Self::Inexpressible(error)
        } else if error.is_timeout() {
            Self::TimedOut
        } else if error.is_dns() {
            Self::Unresolved(error)
        } else if error.is_connect() {
            Self::Unreachable(error)
        } else {
            Self::Unreadable(error)
        }
    }
}

/// What the resolver refused, however deep the layers above it have wrapped it.
fn refusal(error: &reqwest::Error) -> Option<Refused> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(refused) = error.downcast_ref() {
            return Some(*refused);
        }
        source = error.source();
    }
    None
}
