//! Scopes and sign-ins: walks over every documented operation, by callers who lack what it asks for, by API keys, and
//! by callers who have signed in long ago.

use jiff::SignedDuration;
use peregrine_core::scope::{Scope, Scopes};
use serde_json::{Value, json};
use tests::app::{ADMIN_EMAIL, ADMIN_PASSWORD, App, TOO_LONG_AGO};
use tests::client::{Account, Answer};
use tests::openapi;
use uuid::Uuid;

/// A protected operation of the document.
struct Operation {
    method: String,
    path: String,
    scope: String,
    takes_keys: bool,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(alternatives) = operation["security"].as_array() else { continue };
            // Where nobody need be known, nobody lacks a scope.
            if alternatives.contains(&json!({})) {
                continue;
            }
            let named: Vec<_> = alternatives.iter().filter_map(|way| way["oauth2"].as_array()).flatten().collect();
            assert_eq!(named.len(), 1, "{method} {path} names one scope");
            let takes_keys = alternatives.iter().any(|way| way.get("apiKey").is_some());
            let (method, scope) = (method.to_uppercase(), named[0].as_str().unwrap().to_owned());
            found.push(Operation { method, path: path.clone(), scope, takes_keys });
        }
    }
    assert!(found.len() > 15, "the document is complete");
    found
}

const ALL: [&str; 6] = ["users:read", "users:write", "items:read", "items:write", "notifications:send", "admin"];

/// An administrator's token with these scopes.
async fn token(app: &App, scopes: &[&str]) -> String {
    let form = [("username", ADMIN_EMAIL), ("password", ADMIN_PASSWORD), ("scope", &scopes.join(" "))];
    app.post("/token").form(&form).send().await.text("/access_token")
}

async fn key(app: &App, admin: &Account, scopes: &[&str]) -> String {
    app.post("/users/me/api-keys").by(admin).json(&json!({"name": "a", "scopes": scopes})).send().await.text("/key")
}

/// Calls an operation such that it changes nothing: with a body that is none of its, for a state that nothing has.
async fn call(app: &App, operation: &Operation, admin: &Account, credential: &str) -> Answer {
    let nobody = Uuid::nil().to_string();
    let path = operation
        .path
        .replace("{user_id}", &admin.id)
        .replace("{email}", "ann@example.com")
        .split('/')
        .map(|segment| if segment.starts_with('{') { nobody.clone() } else { segment.to_owned() })
        .collect::<Vec<_>>()
        .join("/");
    let call = app.call(&operation.method, &format!("/{path}")).bearer(credential).header("if-match", "\"none\"");
    if operation.method == "GET" { call.send().await } else { call.json(&Value::Null).send().await }
}

#[tokio::test]
async fn every_operation_refuses_whoever_lacks_its_scope() {
    let app = App::start().await;
    let admin = app.admin().await;
    for scope in ALL {
        let others: Vec<_> = ALL.into_iter().filter(|other| *other != scope && *other != "admin").collect();
        let (token, key) = (token(&app, &others).await, key(&app, &admin, &others).await);
        for operation in operations().iter().filter(|operation| operation.scope == scope) {
            for credential in [&token, &key] {
                assert_eq!(call(&app, operation, &admin, credential).await.status, 403, "{}", operation.name());
            }
        }
    }
}

#[tokio::test]
async fn an_operation_takes_api_keys_where_the_document_says_so() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = key(&app, &admin, &ALL).await;
    let operations = operations();
    assert!(operations.iter().any(|operation| !operation.takes_keys));
    for operation in operations {
        let answer = call(&app, &operation, &admin, &key).await;
        assert_eq!(answer.status != 403, operation.takes_keys, "{}: {answer:?}", operation.name());
        assert_ne!(answer.status, 401, "{}", operation.name());
    }
    assert_eq!(app.get("/users/me").by(&admin).send().await.status, 200, "nothing was changed");
}

#[tokio::test]
async fn where_sign_in_is_hardened_what_changes_credentials_takes_a_recent_one() {
    let by_session: Vec<_> = operations().into_iter().filter(|operation| !operation.takes_keys).collect();
    assert_eq!(by_session.len(), 15, "keys, second factors, sessions, passwords, whole accounts, and signing keys");
    for operation in by_session {
        let name = operation.name();
        // One each, because what is done here ends sessions and rotates keys.
        let app = App::start_with(&[("HARDENED", "true")]).await;
        let admin = app.account("boss", Scopes::from_iter(Scope::ALL)).await;
        app.pass(SignedDuration::from_mins(16));
        let late = call(&app, &operation, &admin, &admin.token).await;
        assert_eq!((late.status, late.header("www-authenticate")), (401, Some(TOO_LONG_AGO)), "{name}");
        let admin = app.session_of(&admin).await;
        let fresh = call(&app, &operation, &admin, &admin.token).await;
        assert!(!matches!(fresh.status, 401 | 403), "{name}: {fresh:?}");
    }
}
