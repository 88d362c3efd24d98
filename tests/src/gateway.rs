//! What stands before the routers: the template's routes say whose function a request is for, and that function's
//! policies what may be done for it.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use local::template::Route;
use local::{Faults, Template};
use peregrine_core::aws::SdkConfig;
use peregrine_http::service::Service;

tokio::task_local! {
    /// The function that answers the request which is under way.
    static FUNCTION: String;
}

/// All functions behind the routes of the template. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) service: Service,
    pub(crate) template: Arc<Template>,
    pub(crate) faults: Faults,
}

impl Gateway {
    /// Answers a request, with what the function may do that owns its path.
    ///
    /// # Panics
    /// If the function lacks a permission for what it does.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response {
        let route = self.template.routes().find(request.method().as_str(), request.uri().path());
        let function = route.map(Route::function).unwrap_or_default().to_owned();
        let response = FUNCTION.scope(function, self.service.answer(request)).await;
        let denied = self.faults.denied();
        assert!(denied.is_empty(), "the policies in template.yaml do not allow what is done: {denied:#?}");
        response
    }
}

/// The credentials of the function that answers a request; outside of requests those of somebody who may do everything.
#[derive(Debug)]
struct CredentialsOfFunction;

impl ProvideCredentials for CredentialsOfFunction {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let function = FUNCTION.try_with(Clone::clone).unwrap_or_else(|_| "local".to_owned());
        future::ProvideCredentials::ready(Ok(Credentials::new(function, "local", None, None, "tests")))
    }
}

/// The same configuration for clients that call as the function for which they are asked to.
pub(crate) fn as_function(config: SdkConfig) -> SdkConfig {
    config.into_builder().credentials_provider(SharedCredentialsProvider::new(CredentialsOfFunction)).build()
}
