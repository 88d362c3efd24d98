//! Rate limits as clients meet them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use peregrine_core::scope::Scopes;
use serde_json::json;
use tests::app::{App, PASSWORD};
use tests::client::Answer;

const STRICT: (&str, &str) = ("STRICT_LIMITS", "true");

/// What is left, of `"name";r=…;t=…`.
fn remaining(answer: &Answer) -> u32 {
    answer
        .header("ratelimit")
        .unwrap()
        .split(";r=")
        .nth(1)
        .and_then(|rest| rest.split(';').next())
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn writes_are_counted_by_user_and_refused_beyond_the_limit() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "writes=3/60 reads=1000/60")]).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let create = |owner| app.post("/items").by(owner).json(&json!({"name": "widget", "price": 1}));
    for left in [2, 1, 0] {
        let created = create(&ann).send().await;
        assert_eq!((created.status, remaining(&created)), (201, left));
        assert_eq!(created.header("ratelimit-policy"), Some("\"writes\";q=3;w=60"));
    }
    let refused = create(&ann).send().await;
    assert_eq!((refused.status, remaining(&refused)), (429, 0));
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(create(&bob).send().await.status, 201, "others are not concerned");
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200, "reads are another policy");
    assert_eq!(app.get("/items").send().await.ids().len(), 4, "what is refused is not done");

    app.pass(SignedDuration::from_secs(wait));
    assert_eq!(create(&ann).send().await.status, 201);
}

#[tokio::test]
async fn guessing_passwords_and_tokens_has_its_limit() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "sign-in=3/60 writes=2/60")]).await;
    let guess = |password| app.post("/token").form(&[("username", "ann"), ("password", password)]);
    for password in ["first", "second", "third"] {
        assert_eq!(guess(password).send().await.status, 401);
    }
    let refused = guess(PASSWORD).send().await;
    assert_eq!((refused.status, refused.header("ratelimit-policy")), (429, Some("\"sign-in\";q=3;w=60")));
    let with_forged_token = || app.post("/items").bearer("forged").json(&json!({}));
    for status in [401, 401, 429] {
        assert_eq!(with_forged_token().send().await.status, status);
    }
}

#[tokio::test]
async fn whoever_is_refused_again_costs_no_read() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "writes=1/60")]).await;
    let ann = app.user("ann").await;
    let create = || app.post("/items").by(&ann).json(&json!({"name": "widget", "price": 1}));
    assert_eq!(create().send().await.status, 201);
    assert_eq!(create().send().await.status, 429);
    app.calls.record();
    assert_eq!(create().send().await.status, 429);
    assert!(app.calls.stop().calls().is_empty(), "neither the user nor the counter is asked for");
}

#[tokio::test]
async fn whoever_asks_for_tokens_and_is_refused_again_costs_no_read() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "sign-in=1/60 writes=1/60")]).await;
    let sign_in = || app.post("/token").form(&[("username", "ann"), ("password", PASSWORD)]);
    app.account("ann", Scopes::of_new_user()).await;
    let signed_in = sign_in().send().await;
    let refresh = || app.post("/token/refresh").form(&[("refresh_token", &signed_in.text("/refresh_token"))]);
    assert_eq!((signed_in.status, refresh().send().await.status), (200, 200));
    assert_eq!((sign_in().send().await.status, refresh().send().await.status), (429, 429));
    app.calls.record();
    assert_eq!((sign_in().send().await.status, refresh().send().await.status), (429, 429));
    assert!(app.calls.stop().calls().is_empty());
}

#[tokio::test]
async fn a_sign_in_beyond_the_limit_is_no_attempt_at_the_password() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "sign-in=5/60")]).await;
    let guess = || app.post("/token").form(&[("username", "ann"), ("password", "Wrong0000")]);
    // Ten attempts are free, and the two that are refused are none of them.
    for _ in 0..2 {
        for status in [401, 401, 401, 401, 401, 429] {
            assert_eq!(guess().send().await.status, status);
        }
        app.pass(SignedDuration::from_secs(60));
    }
    assert_eq!(guess().send().await.status, 401);
    let waiting = guess().send().await;
    assert_eq!((waiting.status, remaining(&waiting)), (429, 3), "it is the name that has to wait now");
}

#[tokio::test]
async fn a_refresh_beyond_the_limit_uses_nothing_up() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "writes=2/60")]).await;
    app.user("ann").await;
    let token = app.post("/token").form(&[("username", "ann"), ("password", PASSWORD)]).send().await;
    let token = token.text("/refresh_token");
    let refresh = |token: &str| app.post("/token/refresh").form(&[("refresh_token", token)]);
    for status in [400, 400] {
        assert_eq!(refresh("forged").send().await.status, status);
    }
    // It finds the counter full while its session is looked up.
    let refused = refresh(&token).send().await;
    assert_eq!((refused.status, refused.header("ratelimit-policy")), (429, Some("\"writes\";q=2;w=60")));
    app.pass(SignedDuration::from_secs(60));
    // Beyond the grace window: had it been used before, this would end the session.
    assert_eq!(refresh(&token).send().await.status, 200);
}

#[tokio::test]
async fn looking_for_keys_that_do_not_exist_has_its_limit() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "reads=5/60")]).await;
    let ann = app.user("ann").await;
    let mut statuses = Vec::new();
    for number in 0..10 {
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": format!("{number:043}")}).to_string();
        let token = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
        statuses.push(app.get("/users/me").bearer(&token).send().await.status);
    }
    assert!(statuses.starts_with(&[401]), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200, "whoever is known is not concerned");
}

#[tokio::test]
async fn sign_ups_are_counted_by_address() {
    let app =
        App::start_with(&[STRICT, ("RATE_LIMITS", "sign-up=1/60"), ("CLIENT_ADDRESS_HEADER", "x-forwarded-for")]).await;
    let sign_up = |username: &str, address: &str| {
        let new = json!({"email": format!("{username}@example.com"), "username": username, "password": PASSWORD});
        app.post("/users").json(&new).header("x-forwarded-for", address)
    };
    assert_eq!(sign_up("ann", "192.0.2.1").send().await.status, 201);
    assert_eq!(sign_up("bob", "192.0.2.1").send().await.status, 429);
    assert_eq!(sign_up("bob", "203.0.113.7, 192.0.2.1").send().await.status, 429, "a client can't invent addresses");
    assert_eq!(sign_up("bob", "192.0.2.2").send().await.status, 201);
}

#[tokio::test]
async fn a_public_request_that_is_not_valid_is_refused_uncounted() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "sign-up=1/60")]).await;
    for _ in 0..3 {
        let invalid = app.post("/users").json(&json!({"username": "ann"})).send().await;
        assert_eq!((invalid.status, invalid.header("ratelimit")), (422, None));
    }
    app.user("ann").await;
}

#[tokio::test]
async fn reads_are_limited_too() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "reads=20/60")]).await;
    let mut passed = 0;
    let refused = loop {
        let read = app.get("/items").send().await;
        if read.status != 200 {
            break read;
        }
        passed += 1;
        assert!(passed <= 40, "there is an end");
    };
    assert_eq!(refused.status, 429);
    assert!((20..=21).contains(&passed), "{passed}");
}

#[tokio::test]
async fn a_counter_that_is_gone_lets_requests_pass() {
    let app = App::start_with(&[STRICT, ("RATE_LIMITS", "writes=1/60")]).await;
    let ann = app.user("ann").await;
    app.client.delete_table().table_name("RateLimitsTable").send().await.unwrap();
    for _ in 0..3 {
        let created = app.post("/items").by(&ann).json(&json!({"name": "widget", "price": 1})).send().await;
        assert_eq!((created.status, created.header("ratelimit")), (201, None));
    }
}
