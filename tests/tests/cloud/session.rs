//! What people do with the bundle.

use local::CloudOptions;
use reqwest::Method;
use serde_json::json;
use tests::app::workspace;

use crate::client::{Bundle, json_of};

#[tokio::test]
async fn from_sign_up_to_a_listed_item() {
    let bundle = Bundle::start().await;
    let token = bundle.user("ann").await;
    let me = json_of(bundle.get("/api/v1/users/me").bearer_auth(&token).send().await.unwrap()).await;
    assert_eq!(me["email"], "ann@example.com");
    let item = bundle.item(&token, &json!({"name": "Red widget", "price": "9.50", "tags": ["red"]})).await;
    assert_eq!(item["owner_id"], me["id"]);
    let listed = json_of(bundle.get("/api/v1/items?q=wid&tags=red").send().await.unwrap()).await;
    assert_eq!(listed, json!([item]));
    let read = bundle.get(&format!("/api/v1/items/{}", item["id"].as_str().unwrap())).send().await.unwrap();
    assert!(read.text().await.unwrap().contains("\"price\":9.5,"));
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn a_key_that_one_function_makes_is_taken_by_all() {
    let bundle = Bundle::start().await;
    let token = bundle.user("ann").await;
    let keys = || bundle.post("/api/v1/users/me/api-keys");
    let created = keys().bearer_auth(&token).json(&json!({"name": "import"})).send().await.unwrap();
    assert_eq!(created.status(), 201);
    let created = json_of(created).await;
    let key = created["key"].as_str().unwrap();
    for path in ["/api/v1/users/me", "/api/v1/jobs", "/api/v1/users/me/api-keys", "/api/v1/users/me/totp"] {
        assert_eq!(bundle.get(path).header("x-api-key", key).send().await.unwrap().status(), 200, "{path}");
    }
    bundle.item(key, &json!({"name": "widget", "price": 1})).await;
    let another = keys().header("x-api-key", key).json(&json!({"name": "more"})).send().await.unwrap();
    assert_eq!(another.status(), 403);
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn the_first_admin_signs_in_with_the_generated_password() {
    let bundle = Bundle::start().await;
    let setting = |name| bundle.cloud.environment("auth", name).unwrap();
    let token = bundle.sign_in(setting("FIRST_ADMIN_EMAIL"), setting("FIRST_ADMIN_PASSWORD")).await;
    let users = json_of(bundle.get("/api/v1/users").bearer_auth(token).send().await.unwrap()).await;
    assert_eq!(users[0]["username"], "admin");
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn every_route_reaches_its_function_with_and_without_a_slash() {
    let bundle = Bundle::start().await;
    for (method, path, status) in [
        (Method::GET, "/", 200),
        (Method::GET, "/health", 200),
        (Method::GET, "/health/", 200),
        (Method::GET, "/api/v1/health", 200),
        (Method::GET, "/api/v1/items", 200),
        (Method::GET, "/api/v1/items/", 200),
        (Method::GET, "/api/v1/users/", 401),
        (Method::GET, "/api/v1/token/", 405),
        (Method::DELETE, "/api/v1/items", 405),
        (Method::OPTIONS, "/api/v1/items", 204),
        (Method::HEAD, "/api/v1/items", 200),
        (Method::GET, "/api/v1/itemsx", 404),
        (Method::GET, "/api/v1//items", 404),
        (Method::GET, "/api/v1/items/x/y", 404),
    ] {
        let answer = bundle.call(method.clone(), path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
        assert!(answer.headers().contains_key("x-request-id"), "{method} {path}");
    }
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn many_clients_at_once_get_their_answers() {
    let bundle = Bundle::start().await;
    let token = bundle.user("ann").await;
    let item = bundle.item(&token, &json!({"name": "widget", "price": 1})).await;
    let path = format!("/api/v1/items/{}", item["id"].as_str().unwrap());
    let clients: Vec<_> = (0..32)
        .map(|_| {
            let calls: Vec<_> = (0..10).map(|_| bundle.get(&path)).collect();
            tokio::spawn(async move {
                for call in calls {
                    assert_eq!(call.send().await.unwrap().status(), 200);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || CloudOptions { data_dir: Some(folder.path().to_owned()), ..CloudOptions::ephemeral(workspace()) };
    let first = Bundle::start_with(options()).await;
    let token = first.user("ann").await;
    let item = first.item(&token, &json!({"name": "widget", "price": 1})).await;
    // Not stopped in order, as when its process ends.
    drop(first);
    let second = Bundle::start_with(options()).await;
    let read = second.get(&format!("/api/v1/items/{}", item["id"].as_str().unwrap())).send().await.unwrap();
    assert_eq!(json_of(read).await, item);
    let me = second.get("/api/v1/users/me").bearer_auth(&token).send().await.unwrap();
    assert_eq!(me.status(), 200, "the signing secret was kept too");
    second.cloud.stop().await;
}
