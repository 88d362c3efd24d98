//! What holds for requests of any kind.

use serde_json::json;
use tests::app::{App, PASSWORD};

#[tokio::test]
async fn meta_routes_answer_without_an_account() {
    let app = App::start().await;
    let root = app.get("//").send().await;
    assert_eq!((root.status, &root.body["name"]), (200, &json!("Peregrine")));
    for path in ["//health", "/health", "/health?x=1&x=2", "//health/"] {
        assert_eq!(app.get(path).send().await.body, json!({"status": "healthy"}), "{path}");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_answer_in_fastapis_shape() {
    let app = App::start().await;
    for path in ["/nothing", "/items/a/b", "//api/v1//items"] {
        let answer = app.get(path).send().await;
        assert_eq!((answer.status, answer.body), (404, json!({"detail": "Not Found"})), "{path}");
    }
    let answer = app.get("/token").send().await;
    assert_eq!((answer.status, &answer.body), (405, &json!({"detail": "Method Not Allowed"})));
    assert_eq!(answer.header("allow"), Some("POST"));
    let options = app.call("OPTIONS", "/items").send().await;
    assert_eq!((options.status, options.raw.as_str()), (204, ""));
    assert_eq!(options.header("allow"), Some("POST,GET,HEAD"));
    assert_eq!(app.call("HEAD", "/items").send().await.status, 200);
}

#[tokio::test]
async fn a_trailing_slash_never_changes_the_answer() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    assert_eq!(app.get("/users/me/").by(&ann).send().await.status, 200);
    assert_eq!(app.get("/items/?limit=0").send().await.faults(), ["greater_than_equal query.limit"]);
}

#[tokio::test]
async fn an_unparsable_body_comes_before_401_and_401_before_other_faults() {
    let app = App::start().await;
    let post = async |body: &'static str| {
        let answer = app.post("/items").body("application/json", body).send().await;
        (answer.status, answer.faults())
    };
    assert_eq!(post("{\"name\": }").await, (422, vec!["json_invalid body.9".to_owned()]));
    assert_eq!(post("{}").await, (401, vec![]));
    assert_eq!(app.get("/users/abc").send().await.status, 401);
    let ann = app.user("ann").await;
    let other = app.put("/users/00000000-0000-7000-8000-000000000000").by(&ann).json(&json!({})).send().await;
    assert_eq!(other.status, 403, "403 comes before other faults too");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_get_400_and_large_ones_413() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let post = async |body: Vec<u8>| {
        let answer = app.post("/items").by(&ann).body("application/json", body).send().await;
        (answer.status, answer.body["detail"].as_str().unwrap_or_default().to_owned())
    };
    let unreadable = (400, "There was an error parsing the body".to_owned());
    assert_eq!(post(b"{\"name\": \"\xFF\"}".to_vec()).await, unreadable);
    assert_eq!(post(format!("{}1{}", "[".repeat(129), "]".repeat(129)).into_bytes()).await, unreadable);
    assert_eq!(post("[".repeat(500_000).into_bytes()).await, unreadable);
    assert_eq!(post(format!("{{\"price\": {}}}", "9".repeat(5000)).into_bytes()).await, unreadable);
    assert_eq!(post(vec![b' '; 1024 * 1024 + 1]).await.0, 413);
}

#[tokio::test]
async fn what_is_not_declared_to_be_json_is_no_object() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let body = r#"{"name": "a", "price": 1}"#;
    for content_type in
        ["application/json", "Application/JSON; charset=latin-1", " application/json ", "application/merge-patch+json"]
    {
        let answer = app.post("/items").by(&ann).body(content_type, body).send().await;
        assert_eq!(answer.status, 201, "{content_type}");
    }
    for content_type in ["text/json", "application/xml", "json", "application/jsonp"] {
        let answer = app.post("/items").by(&ann).body(content_type, body).send().await;
        assert_eq!(answer.faults(), ["model_attributes_type body"], "{content_type}");
    }
    let absent = app.post("/items").by(&ann).send().await;
    assert_eq!(
        absent.body["detail"][0],
        json!({"type": "missing", "loc": ["body"], "msg": "Field required", "input": null})
    );
}

#[tokio::test]
async fn a_fault_shows_what_was_sent_but_no_password() {
    let app = App::start().await;
    let answer = app.post("/users").json(&json!({"username": "ab", "password": PASSWORD})).send().await;
    assert_eq!(answer.faults(), ["missing body.email", "string_too_short body.username"]);
    assert_eq!(answer.body["detail"][0]["input"], json!({"username": "ab", "password": "**********"}));
    assert_eq!(answer.body["detail"][1]["input"], "ab");
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", r#"{"email": "a@example.com", "password": "Passw0rd1"}"#),
        ("application/json", r#"[{"password": "Passw0rd1"}]"#),
        ("application/json", r#""Passw0rd1""#),
    ] {
        let answer = app.post("/users").body(content_type, body).send().await;
        assert_eq!(answer.faults(), ["model_attributes_type body"]);
        assert!(!answer.raw.contains(PASSWORD), "{}", answer.raw);
    }
    for password in ["secretive", "Secret1"] {
        let answer =
            app.post("/users").json(&json!({"email": "a@example.com", "username": "abc", "password": password}));
        let answer = answer.send().await;
        assert_eq!(answer.status, 422);
        assert!(!answer.raw.contains(password), "{}", answer.raw);
    }
}

#[tokio::test]
async fn an_answer_stays_small_however_large_the_fault() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let padding = "x".repeat(500_000);
    let answer = app.put("/users/me").by(&ann).json(&json!({})).send().await;
    assert_eq!(answer.status, 405);
    let answer = app.post("/users").json(&json!({"padding": padding})).send().await;
    assert_eq!(answer.faults().len(), 3);
    assert!(answer.raw.len() < 10_000, "{} bytes", answer.raw.len());
    let many =
        app.post("/items").by(&ann).json(&json!({"name": "a", "price": 1, "tags": vec![0; 100_000]})).send().await;
    assert_eq!(many.status, 422);
    assert!(many.raw.len() < 200_000, "{} bytes", many.raw.len());
}
