//! What is learnt about a request while it is answered, for the layers around the router.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::{Extensions, Request};
use lambda_http::request::RequestContext;
use peregrine_core::limit::Standing;
use peregrine_core::validation::Rules;
use uuid::Uuid;

use crate::edge::Edge;

/// A request's extension: what the outer layers tell the extractors, and what they want to hear from them.
#[derive(Debug, Clone)]
pub(crate) struct Exchange(Arc<Known>);

#[derive(Debug)]
struct Known {
    client_address: IpAddr,
    public_url: Option<Arc<str>>,
    if_match_required: bool,
    hardened: bool,
    user_id: OnceLock<Uuid>,
    standing: OnceLock<Standing>,
    is_page: OnceLock<()>,
}

impl Exchange {
    /// An exchange that begins with this request.
    pub(crate) fn begin(request: &Request<Body>, edge: &Edge) -> Self {
        let seen = gateway(request).and_then(|context| context.http.source_ip.as_deref()?.parse().ok());
        let client_address = edge.client_address(request.headers(), seen);
        // Where any host is answered, anybody may have named it, so links go by the gateway's own name.
        let own_url = || Some(format!("https://{}", gateway(request)?.domain_name.as_deref()?).into());
        let public_url = edge.public_url.clone().or_else(|| if edge.hosts.are_any() { own_url() } else { None });
        Self::new(client_address, public_url, edge.if_match_required, edge.hardened)
    }

    /// The exchange that a request belongs to. One that no layer has seen has no settings.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_else(|| Self::new(None, None, false, false))
    }

    fn new(
        client_address: Option<IpAddr>,
        public_url: Option<Arc<str>>,
        if_match_required: bool,
        hardened: bool,
    ) -> Self {
        Self(Arc::new(Known {
            // Whoever has no address shares one with all others who have none.
            client_address: client_address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            public_url,
            if_match_required,
            hardened,
            user_id: OnceLock::new(),
            standing: OnceLock::new(),
            is_page: OnceLock::new(),
        }))
    }

    pub(crate) fn client_address(&self) -> IpAddr {
        self.0.client_address
    }

    /// Where clients find the API, if a setting says so.
    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.public_url.as_deref()
    }

    pub(crate) fn if_match_required(&self) -> bool {
        self.0.if_match_required
    }

    /// Whether sign-in follows OWASP where the guides do not.
    pub(crate) fn hardened(&self) -> bool {
        self.0.hardened
    }

    /// By which rules requests are validated.
    pub(crate) fn rules(&self) -> Rules {
        Rules { hardened: self.0.hardened }
    }

    /// Notes who called.
    pub(crate) fn note_user(&self, id: Uuid) {
        // A second caller in one request would be the same one.
        let _ = self.0.user_id.set(id);
    }

    /// Notes where the caller stands with a rate limit.
    pub(crate) fn note_standing(&self, standing: Standing) {
        // A request is counted once.
        let _ = self.0.standing.set(standing);
    }

    /// Notes that a person waits for the answer in a browser, so that an error is told as a page, too.
    pub(crate) fn note_page(&self) {
        // To note it twice says no more.
        let _ = self.0.is_page.set(());
    }

    pub(crate) fn is_page(&self) -> bool {
        self.0.is_page.get().is_some()
    }

    pub(crate) fn standing(&self) -> Option<&Standing> {
        self.0.standing.get()
    }

    pub(crate) fn user_id(&self) -> Option<Uuid> {
        self.0.user_id.get().copied()
    }
}

/// What the gateway says of a request, if it came through one.
pub(crate) fn gateway(
    request: &Request<Body>,
) -> Option<&lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext> {
    match request.extensions().get()? {
        RequestContext::ApiGatewayV2(context) => Some(context),
        _ => None,
    }
}
