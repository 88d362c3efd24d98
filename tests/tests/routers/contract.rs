//! Recorded requests, and FastAPI's answers to them. See `tests/contract/README.md`.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tests::app::{App, workspace};
use tests::client::{Account, Answer};

/// The groups whose routes exist.
const GROUPS: [&str; 11] = [
    "auth",
    "body",
    "content_type",
    "cors",
    "item.create",
    "item.update",
    "path",
    "query",
    "token",
    "user.create",
    "user.update",
];

/// The origins whose pages the recorded application let read its answers.
const ORIGINS: &str = "http://localhost:3000,https://yourapp.com";

/// What the recordings leave out of the header fields about origins.
const UNRECORDED: [&str; 2] = ["access-control-expose-headers", "access-control-max-age"];

/// Where Peregrine answers otherwise on purpose: a password has 128 characters at most.
const DIFFERENT_ON_PURPOSE: [&str; 1] = ["user.create/password_long_ok"];

fn read(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(workspace().join("tests/contract").join(file)).unwrap();
    text.lines().map(ToOwned::to_owned).collect()
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

fn text<'a>(case: &'a Value, name: &str) -> Option<&'a str> {
    case.get(name).and_then(Value::as_str)
}

/// What every fault says, in order. The input is left out where either side masks it.
fn faults(answer: &Value, other: &Value) -> Option<Vec<Value>> {
    let faults = answer["detail"].as_array()?;
    let others = other["detail"].as_array().map_or(&[][..], Vec::as_slice);
    let told = faults.iter().enumerate().map(|(index, fault)| {
        let mut told = fault.clone();
        let others_input = others.get(index).map_or(&Value::Null, |other| &other["input"]);
        if [&fault["input"], others_input].into_iter().any(is_masked) {
            told["input"] = Value::Null;
        }
        told
    });
    Some(told.collect())
}

/// Whether the input of a fault is a secret, or an object that holds one.
fn is_masked(input: &Value) -> bool {
    const MASK: &str = "**********";
    input == MASK || input.as_object().is_some_and(|entries| entries.values().any(|value| value == MASK))
}

/// Puts the values of this run in.
fn fill(text: &str, caller: &Account, item: &str, uniq: &str) -> String {
    let values = [
        ("{{user_id}}", caller.id.as_str()),
        ("{{username}}", &caller.username),
        ("{{email}}", &caller.email),
        ("{{token}}", &caller.token),
        ("{{item_id}}", item),
        ("{{uniq}}", uniq),
        ("{{uuid}}", "12345678-1234-4234-8234-123456789012"),
    ];
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

async fn send(app: &App, case: &Value, caller: &Account, item: &str, uniq: &str) -> Answer {
    let fill = |text: &str| fill(text, caller, item, uniq);
    let path = fill(&format!("/api/v1{}", text(case, "path").unwrap()));
    let mut request = Request::builder().method(text(case, "method").unwrap()).uri(path);
    if let Some(content_type) = text(case, "content_type") {
        request = request.header(CONTENT_TYPE, content_type);
    }
    let headers = case.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        request = request.header(name, fill(value.as_str().unwrap()));
    }
    let names_caller = headers.is_some_and(|headers| headers.contains_key("authorization"));
    if case.get("auth").is_some() && !names_caller {
        request = request.header(AUTHORIZATION, format!("Bearer {}", caller.token));
    }
    let body = match (text(case, "body"), text(case, "body_b64")) {
        (Some(body), _) => Body::from(fill(body)),
        (None, Some(encoded)) => Body::from(base64(encoded)),
        (None, None) => Body::empty(),
    };
    app.answer(request.body(body).unwrap()).await
}

/// Whether text and header fields are those of the recorded answer, as far as it tells of them.
fn is_as_written(answer: &Answer, expected: &Value) -> bool {
    let is_compared =
        |name: &str| name == "content-type" || (name.starts_with("access-control-") && !UNRECORDED.contains(&name));
    let sent = answer.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap()));
    let sent: BTreeMap<_, _> = sent.filter(|(name, _)| is_compared(name)).collect();
    let same_headers = expected["headers"].as_object().is_none_or(|recorded| {
        let recorded = recorded.iter().map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap()));
        recorded.filter(|(name, _)| is_compared(name)).collect::<BTreeMap<_, _>>() == sent
    });
    same_headers && text(expected, "text").is_none_or(|text| text == answer.raw)
}

fn base64(encoded: &str) -> Vec<u8> {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()
}

/// The cases of a recording to which the application answers otherwise than FastAPI did.
async fn differing(cases: &str, answers: &str) -> Vec<String> {
    let app = App::start_with(&[("CORS_ORIGINS", ORIGINS)]).await;
    let admin = app.admin().await;
    let answers: BTreeMap<String, String> =
        read(answers).into_iter().map(|line| (text(&parsed(&line), "id").unwrap().to_owned(), line)).collect();
    let item = app.post("/items").by(&admin).json(&json!({"name": "widget", "price": 9.5})).send().await.text("/id");
    let (mut compared, mut differing) = (0, Vec::new());
    for (index, case) in read(cases).iter().map(|line| parsed(line)).enumerate() {
        let id = text(&case, "id").unwrap();
        let expected = &parsed(&answers[id])["expected"];
        if !GROUPS.contains(&text(&case, "group").unwrap())
            || expected["status"] == 500
            || DIFFERENT_ON_PURPOSE.contains(&id)
        {
            continue;
        }
        let uniq = format!("{index:010x}");
        let fresh = if case.get("fresh_user").is_some() { Some(app.user(&format!("fresh{uniq}")).await) } else { None };
        let caller = fresh.as_ref().unwrap_or(&admin);
        let answer = send(&app, &case, caller, &item, &uniq).await;
        compared += 1;
        let recorded = &parsed(&fill(&answers[id], caller, &item, &uniq))["expected"]["json"];
        let same = match (faults(recorded, &answer.body), recorded["detail"].as_str()) {
            (Some(recorded_faults), _) => Some(recorded_faults) == faults(&answer.body, recorded),
            (None, Some(detail)) => answer.body["detail"] == detail,
            (None, None) => true,
        };
        if expected["status"] != answer.status || !same || !is_as_written(&answer, expected) {
            let Answer { status, headers, raw, .. } = answer;
            differing.push(format!("{id}: expected {expected}, got {status} {raw} {headers:?}"));
        }
    }
    assert!(compared > 200, "{compared} cases");
    differing
}

#[tokio::test]
async fn recorded_requests_are_answered_as_by_fastapi() {
    let differing = differing("cases.jsonl", "answers.jsonl").await;
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}

#[tokio::test]
async fn unusual_requests_are_refused_as_by_fastapi() {
    let differing = differing("more_cases.jsonl", "more_answers.jsonl").await;
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}
