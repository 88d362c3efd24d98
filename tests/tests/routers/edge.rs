//! What every answer has in common: hosts, CORS, caching, compression, problem details.

use serde_json::json;
use tests::app::{App, workspace};

#[tokio::test]
async fn errors_are_problem_details_for_those_who_ask_for_them() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let accept = "application/problem+json";
    let missing = app.get("/items/0192f3c4-8d5e-7a61-9b2c-3d4e5f607182").header("accept", accept).send().await;
    assert_eq!(missing.header("content-type"), Some(accept));
    let expected = json!({"type": "about:blank", "title": "Not Found", "status": 404, "detail": "Item not found"});
    assert_eq!((missing.status, missing.body), (404, expected));

    let post = || app.post("/items").by(&ann).json(&json!({"price": 0}));
    let (plain, problem) = (post().send().await, post().header("accept", accept).send().await);
    assert_eq!(plain.header("content-type"), Some("application/json"));
    assert_eq!((problem.status, &problem.body["errors"]), (422, &plain.body["detail"]));
    assert_eq!(problem.text("/title"), "Unprocessable Entity");
    for (method, path, status) in [("GET", "//nowhere", 404), ("PUT", "/items", 405), ("GET", "/users/me", 401)] {
        let problem = app.call(method, path).header("accept", accept).send().await;
        assert_eq!((problem.status, &problem.body["status"]), (status, &json!(status)), "{method} {path}");
    }
    let head = app.call("HEAD", "//nowhere").header("accept", accept).send().await;
    assert_eq!((head.status, head.raw.as_str()), (404, ""));
    let fine = app.get("/items").header("accept", accept).send().await;
    assert_eq!((fine.status, fine.header("content-type")), (200, Some("application/json")));
}

#[tokio::test]
async fn pages_of_listed_origins_may_read_answers_and_others_may_not() {
    let app = App::start_with(&[("CORS_ORIGINS", "https://app.example.com http://localhost:3000")]).await;
    let allowed = |answer: &tests::client::Answer| answer.header("access-control-allow-origin").map(ToOwned::to_owned);
    let preflight = |origin: &str, method: &str| {
        app.call("OPTIONS", "/items")
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "authorization, if-match")
    };
    let asked = preflight("https://app.example.com", "PATCH").send().await;
    assert_eq!((asked.status, asked.raw.as_str()), (200, "OK"));
    assert_eq!(allowed(&asked).unwrap(), "https://app.example.com");
    assert_eq!(asked.header("access-control-allow-headers"), Some("authorization, if-match"));
    assert_eq!(asked.header("access-control-max-age"), Some("600"));
    let refused = preflight("https://evil.example", "BREW").send().await;
    assert_eq!((refused.status, refused.raw.as_str()), (400, "Disallowed CORS origin, method"));
    assert_eq!(allowed(&refused), None);

    // Errors too, or a page could not tell its user what is wrong.
    for (path, status) in [("/items", 200), ("/users/me", 401), ("//nowhere", 404), ("/items?limit=0", 422)] {
        let read = app.get(path).header("origin", "http://localhost:3000").send().await;
        assert_eq!((read.status, allowed(&read).as_deref()), (status, Some("http://localhost:3000")), "{path}");
        let exposed = read.header("access-control-expose-headers").unwrap();
        for name in ["ETag", "Link", "RateLimit", "X-Request-ID", "Retry-After"] {
            assert!(exposed.contains(name), "{name}");
        }
        assert_eq!(allowed(&app.get(path).header("origin", "https://evil.example").send().await), None);
        assert!(app.get(path).send().await.header("vary").unwrap().contains("Origin"));
    }
}

#[tokio::test]
async fn without_listed_origins_no_page_may_read_answers() {
    let app = App::start().await;
    let read = app.get("/items").header("origin", "http://localhost:3000").send().await;
    assert_eq!(read.header("access-control-allow-origin"), None);
    let any = App::start_with(&[("CORS_ORIGINS", "*")]).await;
    let read = any.get("/items").header("origin", "http://localhost:3000").send().await;
    assert_eq!(read.header("access-control-allow-origin"), Some("*"));
    assert_eq!(read.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn requests_for_other_hosts_are_refused() {
    let event = std::fs::read_to_string(workspace().join("events/items-list.json")).unwrap();
    let status = async |app: &App, host: &str| {
        let event =
            event.replace("\"host\": \"abc123.execute-api.us-east-1.amazonaws.com\"", &format!("\"host\": \"{host}\""));
        let event: lambda_http::request::LambdaRequest = serde_json::from_str(&event).unwrap();
        let request: lambda_http::Request = event.into();
        let answer = app.answer(request.map(|body| axum::body::Body::from(body.to_vec()))).await;
        assert!(answer.status == 200 || answer.text("/detail") == "Invalid host header");
        answer.status
    };
    let app = App::start().await;
    assert_eq!(status(&app, "abc123.execute-api.us-east-1.amazonaws.com").await, 200);
    assert_eq!(status(&app, "evil.example").await, 400);
    let app = App::start_with(&[("PUBLIC_URL", "https://api.example.com")]).await;
    assert_eq!(status(&app, "api.example.com").await, 200);
    assert_eq!(status(&app, "abc123.execute-api.us-east-1.amazonaws.com").await, 400);
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_accept_it() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let large = json!({"name": "widget", "price": 1, "description": "a long story ".repeat(400)});
    let path = format!("/items/{}", app.post("/items").by(&ann).json(&large).send().await.text("/id"));
    let plain = app.get(&path).send().await;
    assert_eq!(plain.header("content-encoding"), None);
    let zipped = app.get(&path).header("accept-encoding", "br, gzip;q=0.8").send().await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.header("vary").unwrap().to_ascii_lowercase().contains("accept-encoding"));
    assert!(zipped.bytes.len() < plain.bytes.len() / 10, "{} bytes", zipped.bytes.len());
    assert_eq!(app.get(&path).header("accept-encoding", "gzip;q=0").send().await.header("content-encoding"), None);
    let small = app.get("//health").header("accept-encoding", "gzip").send().await;
    assert_eq!(small.header("content-encoding"), None);

    let tag = zipped.header("etag").unwrap().to_owned();
    assert_ne!(Some(tag.as_str()), plain.header("etag"), "other bytes have another strong tag");
    let known = app.get(&path).header("accept-encoding", "gzip").header("if-none-match", &tag).send().await;
    assert_eq!((known.status, known.header("etag")), (304, Some(tag.as_str())));
    assert_eq!((known.header("vary"), known.header("content-encoding")), (zipped.header("vary"), None));
    let patched = app.patch(&path).by(&ann).json(&json!({"price": 2})).header("if-match", &tag).send().await;
    assert_eq!(patched.status, 200, "either tag names the state");
}

#[tokio::test]
async fn who_refuses_every_encoding_is_answered_all_the_same() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for refusal in ["identity;q=0", "*;q=0", "br, *;q=0"] {
        let body = json!({"name": "widget", "price": 1});
        let created = app.post("/items").by(&ann).json(&body).header("accept-encoding", refusal).send().await;
        assert_eq!((created.status, created.header("content-encoding")), (201, None), "{refusal}");
    }
}

#[tokio::test]
async fn answers_protect_browsers_and_are_kept_by_no_cache_without_being_asked_for_again() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for (call, cached) in [
        (app.get("//health"), "no-store"),
        (app.get("/items"), "no-store"),
        (app.get("/users/me").by(&ann), "private, no-cache"),
        (app.get("/users/me"), "no-store"),
        (app.post("/token").form(&[("username", "ann"), ("password", "Passw0rd1")]), "no-store"),
    ] {
        let answer = call.send().await;
        assert_eq!(answer.header("cache-control"), Some(cached), "{answer:?}");
        for (name, value) in [
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
    }
}
