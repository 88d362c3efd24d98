//! What the layers around a router cost.

use std::hint::black_box;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use http_body_util::BodyExt as _;
use peregrine_core::clock::Clock;
use peregrine_core::settings::Environment;
use peregrine_core::telemetry;
use peregrine_http::edge::Edge;
use peregrine_http::service::Service;
use tower::ServiceExt as _;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::{Result, Row, milliseconds, process};

/// Requests per measurement.
const REQUESTS: u32 = 100_000;

/// The CPU time that an answer takes with the layers, all of them set up, less what it takes without.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let mut environment = Environment::from_fn(|name| match name {
        "ALLOWED_HOSTS" => Some("api.example.com".to_owned()),
        "CORS_ORIGINS" => Some("https://app.example.com".to_owned()),
        _ => None,
    });
    let edge = Edge::from_env(&mut environment, Clock::system());
    environment.finish()?;
    let router = Router::new().route("/", get(|| async { "healthy" }));
    let service = Service::new(router.clone(), edge);
    // A log line is written for each, as on Lambda.
    let log = Registry::default().with(telemetry::json(std::io::sink));
    let _guard = tracing::subscriber::set_default(log);

    let pid = std::process::id();
    let (mut with, mut without) = (std::time::Duration::MAX, std::time::Duration::MAX);
    // The better of three rounds: what comes on top was something else.
    for _ in 0..3 {
        let before = process::cpu_time(pid)?;
        for _ in 0..REQUESTS {
            let answer = router.clone().oneshot(request()?).await.unwrap_or_else(|never| match never {});
            black_box(answer.into_body().collect().await?);
        }
        let between = process::cpu_time(pid)?;
        for _ in 0..REQUESTS {
            black_box(service.answer(request()?).await.into_body().collect().await?);
        }
        with = with.min((process::cpu_time(pid)?.saturating_sub(between)) / REQUESTS);
        without = without.min((between.saturating_sub(before)) / REQUESTS);
    }
    Ok(vec![Row::new("all layers together: CPU per request", milliseconds(with.saturating_sub(without)))])
}

fn request() -> Result<Request<Body>> {
    let request = Request::get("/")
        .header("host", "api.example.com")
        .header("origin", "https://app.example.com")
        .header("accept", "application/json, text/plain, */*")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("if-none-match", "\"another\"")
        .header("user-agent", "bench");
    Ok(request.body(Body::empty())?)
}
