//! The sample events in `events/`, as API Gateway sends them, through the Lambda library's own conversion.

use std::ffi::OsString;

use aws_lambda_events::sqs::SqsEvent;
use axum::body::Body;
use lambda_http::Request;
use lambda_http::request::LambdaRequest;
use local::Template;
use peregrine_core::queue::Message;
use peregrine_http::service::convertible;
use tests::app::{App, workspace};

async fn status(app: &App, event: &str) -> u16 {
    let event: LambdaRequest = serde_json::from_str(event).unwrap();
    let request: Request = convertible(event).into();
    app.answer(request.map(|body| Body::from(body.to_vec()))).await.status
}

#[tokio::test]
async fn every_sample_event_gets_the_answer_that_it_is_a_sample_of() {
    let app = App::start().await;
    let mut samples = 0;
    for entry in std::fs::read_dir(workspace().join("events")).unwrap() {
        let path = entry.unwrap().path();
        let event = std::fs::read_to_string(&path).unwrap();
        if !event.contains("\"requestContext\"") {
            // It comes from no gateway.
            continue;
        }
        let expected = match path.file_name().and_then(|name| name.to_str()).unwrap() {
            "meta-health.json" | "auth-token.json" | "items-list.json" | "jobs-ready.json" => 200,
            "users-sign-up.json" => 201,
            "items-read.json" => 404,
            other => panic!("no expectation for {other}"),
        };
        assert_eq!(status(&app, &event).await, expected, "{}", path.display());
        samples += 1;
    }
    assert_eq!(samples, 6);
}

#[test]
fn every_function_has_a_sample_event() {
    let template = Template::load(workspace().join("template.yaml")).unwrap();
    let names: Vec<_> =
        std::fs::read_dir(workspace().join("events")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for function in template.functions() {
        let is_sample = |name: &OsString| name.to_str().unwrap().starts_with(&format!("{}-", function.name()));
        assert!(names.iter().any(is_sample), "{} has none", function.name());
    }
}

#[test]
fn the_sample_messages_name_a_job() {
    for name in ["email-worker-message", "webhook-worker-message"] {
        let event = std::fs::read_to_string(workspace().join(format!("events/{name}.json"))).unwrap();
        let event: SqsEvent = serde_json::from_str(&event).unwrap();
        let [message] = event.records.as_slice() else { panic!("one message") };
        let read: Result<Message, _> = serde_json::from_str(message.body.as_deref().unwrap());
        assert!(read.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_decoded_path_is_routed_as_it_was_meant() {
    let app = App::start().await;
    let event = std::fs::read_to_string(workspace().join("events/items-read.json")).unwrap();
    let with_path = |path: &str| event.replace("0192f3c4-8d5e-7a61-9b2c-3d4e5f607182", path);
    for path in ["é", " ", "?limit=0", "#", "%", "%zz", "{", "a\\\\b", "ü/ü"] {
        let expected = if path == "ü/ü" { 404 } else { 422 };
        assert_eq!(status(&app, &with_path(path)).await, expected, "{path}");
    }
    assert_eq!(status(&app, &with_path("../users")).await, 404, "a path does not climb");
}

#[tokio::test]
async fn what_makes_no_url_is_answered_all_the_same() {
    let app = App::start().await;
    let event = std::fs::read_to_string(workspace().join("events/items-list.json")).unwrap();
    let host = "abc123.execute-api.us-east-1.amazonaws.com";
    for (found, replaced, expected) in [
        ("\"limit=5&q=widget\"", "\"limit=5&q=<a> \\\"{é}#\"", 422),
        ("\"limit=5&q=widget\"", "\"limit=5&q=%zz\"", 422),
        ("\"rawPath\": \"/", "\"rawPath\": \"", 200),
        (&format!("\"host\": \"{host}\""), "\"host\": \"a b/c?d\"", 400),
        (&format!("\"host\": \"{host}\""), "\"host\": \"256.256.256.256\"", 400),
        (&format!("\"host\": \"{host}\""), "\"host\": \"abc.example:99999\"", 400),
        (&format!("\"host\": \"{host}\""), "\"host\": \"xn--a\"", 400),
        ("\"x-forwarded-proto\": \"https\"", "\"x-forwarded-proto\": \"java script\"", 200),
    ] {
        assert!(event.contains(found), "{found}");
        assert_eq!(status(&app, &event.replace(found, replaced)).await, expected, "{replaced}");
    }
}
