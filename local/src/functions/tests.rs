//! Pools with real processes. The function is this test binary, run again: see [`the_function`].

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tempfile::TempDir;

use super::pool::Ticket;
use super::{FailureKind, Finished, FunctionConfig, PAYLOAD_LIMIT, Pool};
use crate::console::Console;
use crate::exchange::exchange;
use crate::identifiers;

/// A function that does what its event says. It is no test: the tests below start this binary again, with this function
/// alone and a Runtime API in the environment, to have a process of their own. In a run of the tests it does nothing.
#[test]
fn the_function() {
    let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    if std::env::var("FAIL").is_ok() {
        say("Error: USERS_TABLE is missing");
        std::process::exit(1);
    }
    loop {
        let (head, event) = call(&api, "GET", "invocation/next", "");
        let Some(id) = head.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: ")) else {
            return;
        };
        let answer = |kind: &str, body: &str| drop(call(&api, "POST", &format!("invocation/{id}/{kind}"), body));
        match instruction(&event).as_str() {
            "exit" => {
                say("error: the disk is full");
                std::process::exit(3);
            }
            "hang" => std::thread::sleep(Duration::from_hours(1)),
            "panic" => answer("error", r#"{"errorType":"Panic","errorMessage":"no such thing"}"#),
            "malformed" => answer("response", "{"),
            "large" => answer("response", &"x".repeat(PAYLOAD_LIMIT + 1)),
            "wait" => {
                // Until the test has connected to the port that it left in the environment.
                let _ =
                    TcpStream::connect(std::env::var("GATE").unwrap_or_default()).map(|mut gate| gate.read(&mut [0]));
                answer("response", "\"waited\"");
            }
            _ if event.starts_with("{\"Records\"") => answer("response", &refused(&event)),
            _ => answer("response", &format!("\"{} {event}\"", std::process::id())),
        }
    }
}

/// What to do: the event, or what its first message says.
fn instruction(event: &str) -> String {
    let parsed: Value = serde_json::from_str(event).unwrap_or_default();
    let record = &parsed["Records"][0];
    let message = record["body"].as_str().or(record["Sns"]["Message"].as_str());
    message.unwrap_or(event).to_owned()
}

/// The batch response that fails the messages which say `refuse`.
fn refused(event: &str) -> String {
    let event: Value = serde_json::from_str(event).unwrap();
    let failures = event["Records"].as_array().unwrap().iter().filter(|record| record["body"] == "refuse");
    let failures: Vec<Value> =
        failures.map(|record| serde_json::json!({"itemIdentifier": record["messageId"]})).collect();
    serde_json::json!({"batchItemFailures": failures}).to_string()
}

/// Past the test harness, which would capture it.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// One request of the Runtime API: the answer's head and body.
fn call(api: &str, method: &str, path: &str, body: &str) -> (String, String) {
    exchange(api, &format!("{method} /2018-06-01/runtime/{path} HTTP/1.1\nHost: {api}"), body.as_bytes())
}

/// A function with real processes.
pub(crate) struct Setting {
    pub(crate) pool: Arc<Pool>,
    folder: TempDir,
}

impl Setting {
    pub(crate) fn new(max_sandboxes: usize, environment: &[(&str, &str)]) -> Self {
        Self::with_timeout(Duration::from_mins(1), max_sandboxes, environment)
    }

    fn with_timeout(timeout: Duration, max_sandboxes: usize, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = script(&folder, "one");
        let environment: BTreeMap<String, String> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = FunctionConfig {
            name: "fn".to_owned(),
            arn: "arn:aws:lambda:us-east-1:000000000000:function:fn".to_owned(),
            timeout,
            environment,
            max_sandboxes,
        };
        Self { pool: Pool::new(config, path, Console::Quiet), folder }
    }

    /// Begins an invocation.
    fn begin(&self, event: &'static str) -> Ticket {
        self.pool.invoke(identifiers::unique(), String::new(), Bytes::from_static(event.as_bytes()))
    }

    async fn invoke(&self, event: &'static str) -> Finished {
        self.begin(event).finished().await
    }

    /// The process that answers an event.
    async fn process(&self) -> String {
        let answer = self.invoke("echo").await.result.unwrap();
        let text: String = serde_json::from_slice(&answer).unwrap();
        text.split(' ').next().unwrap().to_owned()
    }

    fn view(&self) -> Value {
        serde_json::to_value(self.pool.view()).unwrap()
    }
}

/// An executable that runs [`the_function`].
fn script(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    let binary = std::env::current_exe().unwrap();
    let text = format!("#!/bin/sh\nexec {} --exact functions::tests::the_function --nocapture\n", binary.display());
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
    path
}

fn failure(finished: Finished) -> (FailureKind, Option<String>) {
    let failure = finished.result.expect_err("the invocation fails");
    (failure.kind, failure.log)
}

#[tokio::test]
async fn a_sandbox_is_started_once_and_used_again() {
    let setting = Setting::new(1, &[]);
    let first = setting.invoke("hello").await;
    let second = setting.invoke("hello").await;
    assert!(first.cold && !second.cold);
    assert_eq!(first.result.unwrap(), second.result.unwrap());
    setting.pool.close().await;
    assert_eq!(setting.view()["sandboxes"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn a_process_that_ends_fails_its_request_with_its_last_error_and_is_replaced() {
    let setting = Setting::new(8, &[]);
    let before = setting.process().await;
    let (kind, log) = failure(setting.invoke("exit").await);
    assert_eq!(kind.to_string(), "the function ended with exit status: 3 during the invocation");
    assert_eq!(log.as_deref(), Some("error: the disk is full"));
    assert_ne!(setting.process().await, before);
}

#[tokio::test]
async fn a_function_that_does_not_start_says_why() {
    let setting = Setting::new(8, &[("FAIL", "1")]);
    let (kind, log) = failure(setting.invoke("hello").await);
    assert_eq!(kind, FailureKind::Init("it ended with exit status: 1".to_owned()));
    assert_eq!(log.as_deref(), Some("Error: USERS_TABLE is missing"));
}

#[tokio::test]
async fn an_executable_that_cannot_run_fails_the_request() {
    let setting = Setting::new(8, &[]);
    setting.pool.replace(setting.folder.path().join("missing"));
    let (kind, _) = failure(setting.invoke("hello").await);
    assert!(matches!(&kind, FailureKind::Init(what) if what.contains("missing")), "{kind:?}");
}

#[tokio::test]
async fn the_timeout_ends_the_process() {
    let timeout = Duration::from_secs(1);
    let setting = Setting::with_timeout(timeout, 8, &[]);
    let (kind, _) = failure(setting.invoke("hang").await);
    assert_eq!(kind, FailureKind::TimedOut(timeout));
    assert_eq!(setting.view()["sandboxes"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn a_reported_error_keeps_the_sandbox() {
    let setting = Setting::new(1, &[]);
    let before = setting.process().await;
    let (kind, _) = failure(setting.invoke("panic").await);
    assert_eq!(kind, FailureKind::Reported("no such thing".to_owned()));
    assert_eq!(setting.process().await, before);
}

#[tokio::test]
async fn an_answer_that_is_too_large_fails_the_request() {
    let setting = Setting::new(8, &[]);
    let (kind, _) = failure(setting.invoke("large").await);
    assert_eq!(kind, FailureKind::ResponseTooLarge);
}

#[tokio::test]
async fn closing_ends_a_process_that_does_not_want_to_end() {
    let setting = Setting::new(1, &[]);
    let path = setting.folder.path().join("stubborn");
    let (gate, address) = gate();
    let port = address.rsplit(':').next().unwrap();
    // bash: it can connect by itself. The inner shell belongs to the same process group.
    let text =
        format!("#!/usr/bin/env bash\ntrap '' TERM\nexec 3<>/dev/tcp/127.0.0.1/{port}\nbash -c 'sleep 1000' & wait\n");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
    setting.pool.replace(path);
    let _ticket = setting.begin("");
    let (mut connection, _) = tokio::task::spawn_blocking(move || gate.accept().unwrap()).await.unwrap();

    setting.pool.close().await;
    // The connection was inherited by all of them and ends with the last.
    assert_eq!(connection.read(&mut [0]).unwrap(), 0);
}

/// A listener that the function waits for, and its address.
pub(crate) fn gate() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[tokio::test]
async fn requests_beyond_the_cap_wait_in_line() {
    let (gate, address) = gate();
    let setting = Setting::new(2, &[("GATE", &address)]);
    let mut tickets: Vec<_> = (0..3).map(|_| setting.begin("wait")).collect();
    let opened = tokio::task::spawn_blocking(move || {
        // Two connections stay open until both functions have come this far; the third request waits.
        let both = [gate.accept().unwrap(), gate.accept().unwrap()];
        (gate, both)
    });
    let (gate, both) = opened.await.unwrap();
    assert_eq!(setting.view()["waiting"], 1);
    assert_eq!(setting.view()["sandboxes"].as_array().unwrap().len(), 2);
    drop((both, gate));
    for ticket in &mut tickets {
        assert_eq!(ticket.finished().await.result.unwrap(), "\"waited\"");
    }
}

#[tokio::test]
async fn only_what_nobody_has_begun_can_be_withdrawn() {
    let (gate, address) = gate();
    let setting = Setting::new(1, &[("GATE", &address)]);
    let begun = setting.begin("wait");
    let waiting = setting.begin("wait");
    let _connection = tokio::task::spawn_blocking(move || gate.accept().unwrap()).await.unwrap();
    assert!(setting.pool.withdraw(&waiting));
    assert!(!setting.pool.withdraw(&begun));
    assert_eq!(setting.view()["waiting"], 0);
}

#[tokio::test]
async fn a_new_executable_lets_requests_under_way_finish() {
    let (gate, address) = gate();
    let setting = Setting::new(1, &[("GATE", &address)]);
    let mut under_way = setting.begin("wait");
    let connection = tokio::task::spawn_blocking(move || gate.accept().unwrap()).await.unwrap();
    setting.pool.replace(script(&setting.folder, "two"));
    let new = setting.process().await;
    assert_eq!(setting.view()["sandboxes"].as_array().unwrap().len(), 2);
    drop(connection);
    assert_eq!(under_way.finished().await.result.unwrap(), "\"waited\"");
    assert_eq!(setting.process().await, new);
}

#[tokio::test]
async fn closing_fails_what_is_under_way_and_refuses_more() {
    let (gate, address) = gate();
    let setting = Setting::new(1, &[("GATE", &address)]);
    let mut under_way = setting.begin("wait");
    let mut waiting = setting.begin("wait");
    let _connection = tokio::task::spawn_blocking(move || gate.accept().unwrap()).await.unwrap();
    setting.pool.close().await;
    for ticket in [&mut under_way, &mut waiting] {
        assert_eq!(failure(ticket.finished().await).0, FailureKind::Stopped);
    }
    assert_eq!(failure(setting.invoke("hello").await).0, FailureKind::Stopped);
}
