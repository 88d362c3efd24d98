//! What the layers make of handlers that are slow or panic, and what is logged.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where it finds something else than it expects")]

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt as _;
use lambda_http::{Context, RequestExt as _};
use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::limit::{Limits, Policy, Subject};
use peregrine_core::table::{Client, RateLimiter};
use peregrine_core::telemetry;
use peregrine_http::edge::Edge;
use peregrine_http::service::Service;
use serde_json::{Value, json};
use tests::log;
use uuid::Uuid;

/// The time in these tests, in milliseconds.
const NOW: u64 = 1_800_000_000_000;

fn service(router: Router) -> Service {
    log::start();
    let clock = Clock::from_fn(|| jiff::Timestamp::from_millisecond(NOW.try_into().unwrap()).unwrap());
    Service::new(router, Edge::new(clock))
}

async fn answer(service: &Service, request: Request<Body>) -> (StatusCode, Value) {
    let response = service.answer(request).await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn never_ends() -> Router {
    Router::new().route("/slow", get(|| async { std::future::pending::<()>().await }))
}

#[tokio::test(start_paused = true)]
async fn slow_work_ends_with_504_before_the_gateway_gives_up() {
    let started = tokio::time::Instant::now();
    let (status, body) = answer(&service(never_ends()), request("/slow")).await;
    assert_eq!((status.as_u16(), body), (504, json!({"detail": "The request took too long and was ended"})));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn slow_work_ends_with_504_before_the_functions_own_time_is_up() {
    let mut context = Context::default();
    context.deadline = NOW + 10_000;
    let started = tokio::time::Instant::now();
    let (status, _) = answer(&service(never_ends()), request("/slow").with_lambda_context(context)).await;
    assert_eq!(status, 504);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

/// The answer, and the lines that were logged for it.
async fn logged(router: Router, request: Request<Body>) -> ((StatusCode, Value), Vec<Value>) {
    let answered = answer(&service(router), request).await;
    (answered, log::lines())
}

async fn panics() -> &'static str {
    panic!("a fixed text")
}

async fn panics_telling() -> &'static str {
    let secret = std::hint::black_box("correct horse");
    panic!("the secret is {secret}")
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing_and_an_error_in_the_log() {
    let hook = std::panic::take_hook();
    telemetry::log_panics();
    for (path, message) in [("/fixed", json!("a fixed text")), ("/made", Value::Null)] {
        let router = Router::new().route("/fixed", get(panics)).route("/made", get(panics_telling));
        let ((status, body), lines) = logged(router, request(path)).await;
        assert_eq!((status.as_u16(), body), (500, json!({"detail": "Internal Server Error"})));
        let [panic, line] = lines.as_slice() else { panic!("two lines, not {lines:?}") };
        assert!(panic["location"].as_str().unwrap().contains("layers.rs"), "{panic}");
        assert_eq!(panic.get("panic").cloned().unwrap_or_default(), message);
        assert_eq!((&line["level"], &line["error"]), (&json!("ERROR"), &json!("a handler panicked")));
        assert!(!format!("{lines:?}").contains("correct horse"), "{lines:?}");
    }
    // What fails a test is told as ever.
    std::panic::set_hook(hook);
}

#[tokio::test]
async fn a_request_is_one_line_of_the_log_without_its_query() {
    let router = Router::new().route("/items", get(|| async { "four" }));
    let mut request = request("/items/?token=secret");
    request.headers_mut().insert("x-request-id", "an-id".parse().unwrap());
    let (_, lines) = logged(router, request).await;
    let [line] = lines.as_slice() else { panic!("one line, not {lines:?}") };
    for (field, expected) in [
        ("level", json!("INFO")),
        ("method", json!("GET")),
        ("path", json!("/items")),
        ("status", json!(200)),
        ("bytes", json!(4)),
    ] {
        assert_eq!(line[field], expected, "{field} in {line}");
    }
    assert_eq!(line["span"]["request_id"], "an-id");
    assert!(line["milliseconds"].is_number());
    assert!(!line.to_string().contains("secret"), "{line}");
}

#[tokio::test]
async fn a_counter_that_cannot_be_reached_is_told_in_the_log() {
    log::start();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(&AwsSettings::at(&format!("http://{closed}")).sdk_config());
    let limiter = RateLimiter::new(client, "RateLimitsTable".to_owned(), Limits::default(), Clock::system());
    assert_eq!(limiter.take(Policy::Writes, &Subject::User(Uuid::nil())).await, None);
    let lines = log::lines();
    let [line] = lines.as_slice() else { panic!("one line, not {lines:?}") };
    let expected = json!("the rate limit can't be counted; the request passes");
    assert_eq!((&line["level"], &line["message"]), (&json!("WARN"), &expected));
}
