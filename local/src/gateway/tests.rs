//! The gateway over a real connection, in front of a function that cannot start.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;

use super::{BODY_LIMIT, Gateway, HEADER_LIMIT};
use crate::aws::sqs::Queues;
use crate::console::Console;
use crate::exchange::exchange;
use crate::functions::{FunctionConfig, Pool};
use crate::inspect::Inspector;
use crate::server;
use crate::template::Template;

const TEMPLATE: &str = "
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/bootstrap.zip
      Events:
        Items: { Type: HttpApi, Properties: { Path: /items, Method: ANY } }
";

/// Starts a gateway and returns its address.
fn start() -> String {
    let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
    let config = FunctionConfig {
        name: "fn".to_owned(),
        arn: String::new(),
        timeout: Duration::from_secs(3),
        environment: std::collections::BTreeMap::default(),
        max_sandboxes: 1,
    };
    let pool = Pool::new(config, PathBuf::from("/nowhere/fn"), Console::Quiet);
    let inspector = Arc::new(Inspector {
        functions: vec![Arc::clone(&pool)],
        aws_url: String::new(),
        invocations: Arc::default(),
        queues: Queues::new("", template.queues()),
        schedules: Arc::default(),
        mailbox: crate::mail::Mailbox::new(),
    });
    let listener = server::listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let functions = HashMap::from([("fn".to_owned(), pool)]);
    let gateway = Gateway::new(template.routes().clone(), functions, inspector, Console::Quiet, address.port());
    tokio::spawn(gateway.serve(TcpListener::from_std(listener).unwrap()));
    address.to_string()
}

/// The status and body that the gateway answers with.
async fn answer(address: &str, head: &str, body: Vec<u8>) -> (String, String) {
    let (address, head) = (address.to_owned(), head.to_owned());
    let (head, body) = tokio::task::spawn_blocking(move || exchange(&address, &head, &body)).await.unwrap();
    (head.split(' ').nth(1).unwrap_or_default().to_owned(), body)
}

#[tokio::test]
async fn a_function_that_cannot_start_is_a_502_that_says_why() {
    let address = start();
    let (status, body) = answer(&address, "GET /items HTTP/1.1\nHost: localhost", Vec::new()).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status.as_str(), &body["message"], &body["function"]),
        ("502", &"Internal Server Error".into(), &"fn".into())
    );
    assert!(body["error"].as_str().unwrap().contains("/nowhere/fn"), "{body}");

    let (_, invocations) = answer(&address, "GET /_local/invocations HTTP/1.1\nHost: localhost", Vec::new()).await;
    let invocations: Value = serde_json::from_str(&invocations).unwrap();
    assert_eq!((&invocations[0]["status"], &invocations[0]["cold"]), (&502.into(), &true.into()));
}

#[tokio::test]
async fn what_the_gateway_refuses_never_reaches_a_function() {
    let address = start();
    let long = format!("GET /items HTTP/1.1\nHost: localhost\nX-Long: {}", "x".repeat(HEADER_LIMIT));
    let cases = [
        ("GET /nowhere HTTP/1.1\nHost: localhost", 0, "404", "Not Found"),
        ("GET /items HTTP/1.1\nHost: a b", 0, "400", "Bad Request"),
        ("GET /items HTTP/1.1", 0, "400", "Bad Request"),
        ("OPTIONS * HTTP/1.1\nHost: localhost", 0, "400", "Bad Request"),
        (long.as_str(), 0, "431", "Request Header Fields Too Large"),
        ("POST /items HTTP/1.1\nHost: localhost", BODY_LIMIT + 1, "413", "Request Entity Too Large"),
        // Fits through the gateway, but not into an event.
        ("POST /items HTTP/1.1\nHost: localhost", BODY_LIMIT / 2, "413", "Request Entity Too Large"),
    ];
    for (head, length, status, message) in cases {
        let (answered, body) = answer(&address, head, vec![0; length]).await;
        assert_eq!((answered.as_str(), body), (status, format!("{{\"message\":\"{message}\"}}")), "{head:.60}");
    }
    let (_, functions) = answer(&address, "GET /_local/functions HTTP/1.1\nHost: localhost", Vec::new()).await;
    let functions: Value = serde_json::from_str(&functions).unwrap();
    assert_eq!(functions[0]["invocations"], 0);
}

#[tokio::test]
async fn nothing_below_local_is_shown_under_a_foreign_name() {
    let address = start();
    for path in ["", "/", "/mail", "/functions", "/invocations", "/nowhere"] {
        let (status, body) =
            answer(&address, &format!("GET /_local{path} HTTP/1.1\nHost: example.com"), Vec::new()).await;
        assert_eq!(status, "403", "{path}");
        assert!(body.contains("127.0.0.1, localhost or [::1]"), "{body}");
    }
    for (origin, status) in [("http://localhost", "204"), ("http://example.com", "403")] {
        let head = format!("DELETE /_local/mail HTTP/1.1\nHost: localhost\nOrigin: {origin}");
        assert_eq!(answer(&address, &head, Vec::new()).await.0, status, "{origin}");
    }
    // The API itself may have any name.
    assert_eq!(answer(&address, "GET /items HTTP/1.1\nHost: example.com", Vec::new()).await.0, "502");
}
