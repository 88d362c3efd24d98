//! Recorded requests, and FastAPI's answers to them. See `tests/contract/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use serde_json::{Value, json};
use tests::app::{App, workspace};
use tests::client::{Account, Answer};

/// The groups whose routes exist.
const GROUPS: [&str; 10] = [
    "auth",
    "body",
    "content_type",
    "item.create",
    "item.update",
    "path",
    "query",
    "token",
    "user.create",
    "user.update",
];

/// Where Peregrine answers otherwise on purpose: a password has 128 characters at most.
const DIFFERENT_ON_PURPOSE: [&str; 1] = ["user.create/password_long_ok"];

fn read(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(workspace().join("tests/contract").join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(case: &'a Value, name: &str) -> Option<&'a str> {
    case.get(name).and_then(Value::as_str)
}

/// Type and location of every fault, as a set.
fn faults(answer: &Value) -> Option<BTreeSet<String>> {
    let faults = answer["detail"].as_array()?;
    Some(faults.iter().map(|fault| json!([fault["type"], fault["loc"]]).to_string()).collect())
}

async fn send(app: &App, case: &Value, caller: &Account, item: &str, uniq: &str) -> Answer {
    let values = [
        ("{{user_id}}", caller.id.as_str()),
        ("{{username}}", &caller.username),
        ("{{email}}", &caller.email),
        ("{{token}}", &caller.token),
        ("{{item_id}}", item),
        ("{{uniq}}", uniq),
    ];
    let fill = |text: &str| values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    let mut call = app.call(text(case, "method").unwrap(), &fill(&format!("//api/v1{}", text(case, "path").unwrap())));
    let body = match (text(case, "body"), text(case, "body_b64")) {
        (Some(body), _) => Body::from(fill(body)),
        (None, Some(encoded)) => Body::from(base64(encoded)),
        (None, None) => Body::empty(),
    };
    call = match text(case, "content_type") {
        Some(content_type) => call.body(content_type, body),
        None => call.untyped_body(body),
    };
    match case.pointer("/headers/authorization").and_then(Value::as_str) {
        Some(header) => call = call.header("authorization", &fill(header)),
        None if case.get("auth").is_some() => call = call.by(caller),
        None => {}
    }
    call.send().await
}

fn base64(encoded: &str) -> Vec<u8> {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()
}

#[tokio::test]
async fn recorded_requests_are_answered_as_by_fastapi() {
    let app = App::start().await;
    let admin = app.admin().await;
    let answers: BTreeMap<String, Value> = read("answers.jsonl")
        .into_iter()
        .map(|line| (text(&line, "id").unwrap().to_owned(), line["expected"].clone()))
        .collect();
    let item = app.post("/items").by(&admin).json(&json!({"name": "widget", "price": 9.5})).send().await.text("/id");
    let (mut compared, mut differing) = (0, Vec::new());
    for (index, case) in read("cases.jsonl").iter().enumerate() {
        let id = text(case, "id").unwrap();
        let expected = &answers[id];
        if !GROUPS.contains(&text(case, "group").unwrap())
            || expected["status"] == 500
            || DIFFERENT_ON_PURPOSE.contains(&id)
        {
            continue;
        }
        let uniq = format!("{index:010x}");
        let fresh = if case.get("fresh_user").is_some() { Some(app.user(&format!("fresh{uniq}")).await) } else { None };
        let answer = send(&app, case, fresh.as_ref().unwrap_or(&admin), &item, &uniq).await;
        compared += 1;
        let status_differs = expected["status"] != answer.status;
        let faults_differ = faults(&expected["json"]).is_some_and(|expected| Some(expected) != faults(&answer.body));
        if status_differs || faults_differ {
            differing.push(format!("{id}: expected {expected}, got {} {}", answer.status, answer.raw));
        }
    }
    assert!(compared > 200, "{compared} cases");
    assert!(differing.is_empty(), "{} of {compared} differ:\n{}", differing.len(), differing.join("\n"));
}
