//! Functions in this process, each made from the environment that the template gives it, on one embedded AWS.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use local::{EmbeddedAws, Template};
use peregrine_core::clock::Clock;
use peregrine_core::settings::Environment;
use peregrine_core::telemetry;
use peregrine_http::edge::Edge;
use peregrine_http::service::Service;
use serde_json::Value;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::{Result, cold};

/// The AWS that functions share.
pub(crate) struct Tables {
    template: Template,
    aws: EmbeddedAws,
}

/// The functions that accounts are made and used with.
pub(crate) struct Functions {
    pub(crate) auth: Service,
    pub(crate) users: Service,
    /// The email and password of the first administrator.
    pub(crate) first_admin: (String, String),
}

impl Tables {
    pub(crate) fn start(root: &Path) -> Result<Self> {
        let template = Template::load(root.join("template.yaml"))?;
        let aws = EmbeddedAws::start(&template)?;
        Ok(Self { template, aws })
    }

    /// The functions, with rate limits that nobody meets.
    pub(crate) async fn functions(&self, hardened: bool) -> Result<Functions> {
        let settings = |function: &str| -> HashMap<String, String> {
            let hardened = ("HARDENED".to_owned(), hardened.to_string());
            cold::environment(&self.template, function, self.aws.url()).into_iter().chain([hardened]).collect()
        };
        let environment = |function: &str| {
            let settings = settings(function);
            Environment::from_fn(move |name| settings.get(name).cloned())
        };
        let of_admin = |name: &str| settings("auth").remove(name).ok_or("the template has no first administrator");
        let service = |router: Router, mut environment: Environment| {
            Service::new(router, Edge::from_env(&mut environment, Clock::system()))
        };
        let auth = auth::AuthState::from_env(environment("auth")).await?;
        let users = users::UsersState::from_env(environment("users")).await?;
        Ok(Functions {
            auth: service(auth::routes().with_state(auth).into(), environment("auth")),
            users: service(users::routes().with_state(users).into(), environment("users")),
            first_admin: (of_admin("FIRST_ADMIN_EMAIL")?, of_admin("FIRST_ADMIN_PASSWORD")?),
        })
    }
}

/// Does work on a thread of its own, on which nothing else runs: neither the embedded AWS, which has one too, nor
/// hashing, which is done by others. Log lines are written, as on Lambda, and kept by nobody.
pub(crate) fn alone<T: Send, W: Future<Output = Result<T>>>(work: impl FnOnce() -> W + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let lines = telemetry::lines_up_to(LevelFilter::INFO);
            let log = Registry::default().with(telemetry::json(std::io::sink).with_filter(lines));
            let _guard = tracing::subscriber::set_default(log);
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work())
        });
        thread.join().map_err(|_| "the measurement panicked")?
    })
}

/// The answer's status, and how long it took.
pub(crate) async fn send(service: &Service, request: Request<Body>) -> Result<(StatusCode, Duration)> {
    let started = Instant::now();
    let answer = service.answer(request).await;
    let status = answer.status();
    answer.into_body().collect().await?;
    Ok((status, started.elapsed()))
}

/// A sign-in. Names and passwords must need no escaping in a form.
pub(crate) fn sign_in(name: &str, password: &str) -> Result<Request<Body>> {
    let form = format!("username={name}&password={password}").replace('@', "%40").replace(' ', "+");
    let request = Request::post("/api/v1/token").header("content-type", "application/x-www-form-urlencoded");
    Ok(request.body(Body::from(form))?)
}

/// A POST of JSON.
pub(crate) fn post(path: &str, body: &Value) -> Result<Request<Body>> {
    let request = Request::post(path).header("content-type", "application/json");
    Ok(request.body(Body::from(body.to_string()))?)
}
