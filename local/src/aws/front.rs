//! One address for all services: each request goes to the service that its signature names.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, header};
use tokio::net::TcpListener;

use super::access::Access;
use super::faults::{Faults, Moment};
use super::scope;
use crate::server;

/// The body of a service's answer, which may be streamed.
pub(crate) type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A request that has come in whole.
pub(crate) type WholeRequest = Request<Full<Bytes>>;

/// An answer on its way.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A service of the local cloud.
pub(crate) trait AwsService: Send + Sync {
    /// The name in the credential scope of requests to it, such as `dynamodb`.
    fn name(&self) -> &'static str;

    /// The operation that `request` asks for: what `X-Amz-Target` names, else its method and path.
    fn operation(&self, request: &WholeRequest) -> String {
        let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        match target {
            Some(target) => target.rsplit('.').next().unwrap_or(target).to_owned(),
            None => format!("{} {}", request.method(), request.uri().path()),
        }
    }

    /// Answers one request. Signatures are not checked by the front.
    fn call(&self, request: WholeRequest) -> Answer;
}

/// All services by name.
pub(crate) struct Front {
    services: HashMap<&'static str, Box<dyn AwsService>>,
    access: Access,
    faults: Faults,
}

impl Front {
    pub(crate) fn new(services: Vec<Box<dyn AwsService>>, access: Access, faults: Faults) -> Self {
        Self { services: services.into_iter().map(|service| (service.name(), service)).collect(), access, faults }
    }

    pub(crate) async fn serve(self, listener: TcpListener) {
        let front = Arc::new(self);
        server::serve(listener, move |request, _| {
            let front = Arc::clone(&front);
            async move { front.route(request).await }
        })
        .await;
    }

    async fn route(&self, request: Request<Incoming>) -> Response<Body> {
        let Some(credential) = scope::credential(request.headers(), request.uri().query()) else {
            let message = "this is the local cloud's AWS endpoint; requests need a Signature Version 4";
            return error(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", message);
        };
        let Some(service) = self.services.get(credential.service.as_str()) else {
            let message = format!("service \"{}\" is not part of this local cloud yet", credential.service);
            return error(StatusCode::NOT_IMPLEMENTED, "UnknownServiceException", &message);
        };
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return error(StatusCode::BAD_REQUEST, "SerializationException", "the request's body is incomplete");
        };
        let body = body.to_bytes();
        let request = Request::from_parts(head, Full::new(body.clone()));
        let operation = service.operation(&request);
        self.faults.count(service.name(), &operation);
        if let Some(instead) = self.faults.pass(service.name(), &operation, Moment::Before).await {
            return instead;
        }
        if let Some(message) = self.access.refusal(&credential, &operation, &body) {
            let response = error(StatusCode::BAD_REQUEST, "AccessDeniedException", &message);
            self.faults.deny(message);
            return response;
        }
        let response = service.call(request).await;
        self.faults.pass(service.name(), &operation, Moment::After).await.unwrap_or(response)
    }
}

/// An error in the shape that SDKs read, whichever protocol the service speaks.
pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = serde_json::json!({"__type": code, "message": message}).to_string();
    let mut response = Response::new(Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Ok(code) = header::HeaderValue::from_str(code) {
        headers.insert("x-amzn-errortype", code);
    }
    response
}
