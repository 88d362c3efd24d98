//! One walk over every documented operation: without credentials, and with another user's.

use serde_json::{Value, json};
use tests::app::App;
use tests::openapi;

/// An operation of the document.
struct Operation {
    method: String,
    path: String,
    is_protected: bool,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let operations = paths.into_iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().clone();
        methods.into_iter().map(move |(method, operation)| Operation {
            method: method.to_uppercase(),
            path: path.clone(),
            is_protected: operation["security"].as_array().is_some_and(|ways| !ways.contains(&json!({}))),
        })
    });
    operations.collect()
}

/// The operations that anybody may call.
const PUBLIC: [&str; 20] = [
    "GET /api/v1/login",
    "GET /api/v1/forgot-password",
    "POST /api/v1/forgot-password",
    "GET /api/v1/reset-password",
    "POST /api/v1/reset-password",
    "POST /api/v1/token/refresh",
    "POST /api/v1/token/revoke",
    "GET /.well-known/jwks.json",
    "GET /api/v1/unsubscribe",
    "POST /api/v1/unsubscribe",
    "GET /",
    "GET /health",
    "GET /health/ready",
    "GET /api/v1/health",
    "POST /api/v1/token",
    "GET /api/v1/verify-email",
    "POST /api/v1/verify-email",
    "POST /api/v1/users",
    "GET /api/v1/items",
    "GET /api/v1/items/{item_id}",
];

/// The operations that are for admins, or for whoever has a scope that nobody gets by signing up.
const FOR_ADMINS: [&str; 11] = [
    "DELETE /api/v1/users/{user_id}/totp",
    "DELETE /api/v1/users/{user_id}/sessions",
    "POST /api/v1/signing-keys/rotate",
    "GET /api/v1/audit-events",
    "GET /api/v1/suppressions/{email}",
    "DELETE /api/v1/suppressions/{email}",
    "GET /api/v1/users",
    "POST /api/v1/jobs/retry",
    "POST /api/v1/jobs/{job_id}/retry",
    "POST /api/v1/notifications",
    "POST /api/v1/send-notification",
];

#[tokio::test]
async fn every_operation_but_the_public_ones_asks_who_calls() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let item = app.post("/items").by(&ann).json(&json!({"name": "a", "price": 1})).send().await.text("/id");
    // What Ann's sign-up has promised.
    let job = app.get("/jobs").by(&ann).send().await.text("/0/id");
    let operations = operations();
    assert!(operations.len() > 15, "the document is complete");
    for Operation { method, path, is_protected } in operations {
        let name = format!("{method} {path}");
        assert_eq!(is_protected, !PUBLIC.contains(&name.as_str()), "{name} is documented as what it is");
        if !is_protected {
            continue;
        }
        let path = path
            .replace("{user_id}", &ann.id)
            .replace("{item_id}", &item)
            .replace("{job_id}", &job)
            .replace("{key_id}", "00000000-0000-0000-0000-000000000000")
            .replace("{email}", "ann@example.com");
        let call = || app.call(&method, &format!("/{path}"));
        let body: Value =
            json!({"name": "b", "price": 1, "email": "b@example.com", "username": "new", "password": "Passw0rd1"});
        for anonymous in [call(), call().bearer("x.y.z"), call().json(&body)] {
            let answer = anonymous.send().await;
            assert_eq!(answer.status, 401, "{name}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");
        }
        let names_another = path.contains(&ann.id) || path.contains(&item) || FOR_ADMINS.contains(&name.as_str());
        if names_another {
            assert_eq!(call().by(&bob).json(&body).send().await.status, 403, "{name}");
        } else if path.contains(&job) {
            assert_eq!(call().by(&bob).json(&body).send().await.status, 404, "{name}: to others a job does not exist");
        }
    }
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200, "nothing of Ann's was touched");
}
