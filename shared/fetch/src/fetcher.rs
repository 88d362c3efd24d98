use std::sync::Arc;
use std::time::Duration;

use peregrine_core::outbound::OutboundRules;
use peregrine_core::web_url::WebUrl;
use reqwest::dns::Resolve;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, StatusCode, redirect, retry};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::time::{Instant, timeout_at};

use crate::error::FetchError;
use crate::resolve::{PublicOnly, SystemResolver};

/// How long a connection may take, at one of the host's addresses.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends requests to where the rules allow. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    rules: OutboundRules,
    /// Connects to public addresses only.
    guarded: Client,
    /// For what the operator has excepted: connects wherever the name leads.
    trusting: Client,
}

/// A request to an address that somebody has named.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: WebUrl,
    /// The header fields, beside `Host` and `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// How long it may take in all, up to the end of the answer.
    pub time: Duration,
}

/// An answer of which the head has arrived. The connection ends with it.
#[derive(Debug)]
pub struct Answer {
    response: Response,
    ends: Instant,
}

impl Fetcher {
    /// A fetcher by these rules, which asks the system for the addresses of names.
    ///
    /// # Errors
    /// A system without certificate authorities.
    pub fn new(rules: OutboundRules) -> Result<Self, rustls::Error> {
        Self::with_resolver(rules, Arc::new(SystemResolver))
    }

    /// The same with another source of addresses, for tests.
    ///
    /// # Errors
    /// See [`Fetcher::new`].
    pub fn with_resolver(rules: OutboundRules, resolver: Arc<dyn Resolve>) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        let guarded = client(tls.clone(), Arc::new(PublicOnly(Arc::clone(&resolver))))?;
        Ok(Self { rules, guarded, trusting: client(tls, resolver)? })
    }

    /// Sends a request and waits for the head of the answer, whatever its status.
    ///
    /// # Errors
    /// See [`FetchError`]. What is refused was not connected to.
    pub async fn send(&self, request: Outgoing) -> Result<Answer, FetchError> {
        // The rules see addresses in the URL, which no resolver is asked for.
        self.rules.check(&request.url)?;
        let client = if self.rules.is_exception(&request.url) { &self.trusting } else { &self.guarded };
        let mut builder = client.request(request.method, request.url.as_str()).body(request.body);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let ends = Instant::now() + request.time;
        let sent = timeout_at(ends, builder.send()).await.map_err(|_| FetchError::TimedOut)?;
        Ok(Answer { response: sent.map_err(FetchError::of)?, ends })
    }
}

/// A client of which nothing is left to its environment or its answers: no proxy, no redirects, no second attempts.
fn client(tls: ClientConfig, resolver: Arc<dyn Resolve>) -> Result<Client, rustls::Error> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never())
        // The head of an answer is bounded by hyper then: 100 fields, about 400 KiB.
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        // A function is frozen between requests, and a connection kept meanwhile is dead afterwards.
        .pool_max_idle_per_host(0);
    client.build().map_err(|error| rustls::Error::General(error.to_string()))
}

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The body, of which at most so many bytes are read.
    ///
    /// # Errors
    /// One that has more, does not arrive in the request's time, or breaks off.
    pub async fn body(mut self, most: usize) -> Result<Vec<u8>, FetchError> {
        let mut body = Vec::new();
        loop {
            let chunk = timeout_at(self.ends, self.response.chunk()).await.map_err(|_| FetchError::TimedOut)?;
            let Some(chunk) = chunk.map_err(FetchError::of)? else { return Ok(body) };
            if body.len() + chunk.len() > most {
                return Err(FetchError::TooLarge(most));
            }
            body.extend_from_slice(&chunk);
        }
    }
}
