//! `Idempotency-Key`: what is sent twice is done once.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::json;
use tests::app::{App, PASSWORD};
use tests::client::{Account, Answer, Call};

fn create(app: &App, owner: &Account, key: &str, name: &str) -> Call {
    app.post("/items").by(owner).json(&json!({"name": name, "price": 1})).header("idempotency-key", key)
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_again() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let first = create(&app, &ann, "key", "widget").send().await;
    assert_eq!((first.status, is_replayed(&first)), (201, false));
    let path = format!("/items/{}", first.text("/id"));
    app.patch(&path).by(&ann).json(&json!({"price": 2})).send().await;
    for _ in 0..2 {
        let again = create(&app, &ann, "key", "widget").send().await;
        assert_eq!((again.status, &again.raw, is_replayed(&again)), (201, &first.raw, true));
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("etag"), first.header("etag"));
    }
    app.delete(&path).by(&ann).send().await;
    let again = create(&app, &ann, "key", "widget").send().await;
    assert_eq!((again.status, &again.raw), (201, &first.raw), "also when what was created is gone");
    assert_eq!(app.get("/items").send().await.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_caller() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    assert_eq!(create(&app, &ann, "key", "widget").send().await.status, 201);
    let other = create(&app, &ann, "key", "gadget").send().await;
    assert_eq!((other.status, other.faults()), (422, vec!["value_error header.idempotency-key".to_owned()]));
    let of_bob = create(&app, &bob, "key", "widget").send().await;
    assert_eq!((of_bob.status, is_replayed(&of_bob)), (201, false));
    assert_eq!(of_bob.text("/owner_id"), bob.id);
    assert_eq!(app.get("/items").send().await.ids().len(), 2);
}

#[tokio::test]
async fn keys_have_1_to_255_characters() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for (key, status) in [("", 422), (&"k".repeat(256), 422), (&"k".repeat(255), 201)] {
        assert_eq!(create(&app, &ann, key, "widget").send().await.status, status, "{key}");
    }
    let both = create(&app, &ann, "", "").send().await;
    assert_eq!(both.faults(), ["string_too_short header.idempotency-key", "string_too_short body.name"]);
}

#[tokio::test]
async fn of_many_requests_with_one_key_exactly_one_is_done() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let racers: Vec<_> = (0..12).map(|_| tokio::spawn(create(&app, &ann, "key", "widget").send())).collect();
    let mut first = 0;
    for racer in racers {
        let answer = racer.await.unwrap();
        // Whoever meets the first one at work may be told so, and asks again.
        assert!(answer.status == 201 || answer.status == 409, "{answer:?}");
        first += usize::from(answer.status == 201 && !is_replayed(&answer));
    }
    assert_eq!(first, 1);
    assert_eq!(app.get("/items").send().await.ids().len(), 1);
    assert!(is_replayed(&create(&app, &ann, "key", "widget").send().await));
}

#[tokio::test]
async fn a_sign_up_that_meets_itself_is_not_told_that_its_name_is_taken() {
    let app = App::start().await;
    let new = json!({"email": "ann@example.com", "username": "ann", "password": PASSWORD});
    let sign_up = || app.post("/users").json(&new).header("idempotency-key", "key");
    let racers: Vec<_> = (0..8).map(|_| tokio::spawn(sign_up().send())).collect();
    for racer in racers {
        let answer = racer.await.unwrap();
        let is_running = answer.status == 409 && answer.text("/detail").contains("still being processed");
        assert!(answer.status == 201 || is_running, "{answer:?}");
    }
    assert!(is_replayed(&sign_up().send().await));
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_even_if_its_row_is_still_there() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    create(&app, &ann, "key", "widget").send().await;
    app.pass(SignedDuration::from_hours(24) - SignedDuration::from_secs(1));
    let ann = app.sign_in("ann", PASSWORD).await;
    assert!(is_replayed(&create(&app, &ann, "key", "widget").send().await));
    app.pass(SignedDuration::from_secs(1));
    let new = create(&app, &ann, "key", "gadget").send().await;
    assert_eq!((new.status, is_replayed(&new)), (201, false));
    assert!(is_replayed(&create(&app, &ann, "key", "gadget").send().await));
}

#[tokio::test]
async fn a_sign_up_is_repeated_without_harm_and_a_failed_one_does_not_use_up_its_key() {
    let app = App::start().await;
    let sign_up = |username: &str, key: &str| {
        let new = json!({"email": format!("{username}@example.com"), "username": username, "password": PASSWORD});
        app.post("/users").json(&new).header("idempotency-key", key)
    };
    let first = sign_up("ann", "first").send().await;
    let again = sign_up("ann", "first").send().await;
    assert_eq!((again.status, &again.raw, is_replayed(&again)), (201, &first.raw, true));
    assert_eq!(sign_up("ann", "second").send().await.status, 409);
    assert_eq!(sign_up("bob", "second").send().await.status, 201, "nothing was created, so the key is free");
    assert!(!first.raw.contains(PASSWORD));
}

#[tokio::test]
async fn the_table_shows_neither_keys_nor_requests_nor_answers() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    create(&app, &ann, "a-telling-key", "widget").send().await;
    let rows = app.client.scan().table_name("IdempotencyTable").send().await.unwrap().items.unwrap();
    let [row] = rows.as_slice() else { panic!("one row, not {rows:?}") };
    let AttributeValue::B(sealed) = &row["answer"] else { panic!("{row:?}") };
    assert!(!String::from_utf8_lossy(sealed.as_ref()).contains("widget"));
    let shown = format!("{row:?}");
    assert!(!shown.contains("a-telling-key") && !shown.contains("widget") && !shown.contains(&ann.id), "{shown}");
    let expires_at = AttributeValue::N((app.now().as_second() + 24 * 60 * 60).to_string());
    assert_eq!(row["expires_at"], expires_at);
}
