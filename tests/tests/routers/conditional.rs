//! Entity tags: what has not changed is not sent again, and nobody's change is lost silently.

use serde_json::json;
use tests::app::App;
use tests::client::{Account, Answer};

async fn item(app: &App, owner: &Account) -> Answer {
    let item = app.post("/items").by(owner).json(&json!({"name": "widget", "price": 1})).send().await;
    assert_eq!(item.status, 201, "{item:?}");
    item
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").unwrap().to_owned()
}

#[tokio::test]
async fn what_a_client_has_already_is_not_sent_again() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let path = format!("/items/{}", item(&app, &ann).await.text("/id"));
    let first = app.get(&path).send().await;
    let again = app.get(&path).header("if-none-match", &tag(&first)).send().await;
    assert_eq!((again.status, again.raw.as_str()), (304, ""));
    assert_eq!(tag(&again), tag(&first));
    assert_eq!(again.header("cache-control"), Some("no-cache"));
    for sent in [format!("W/{}", tag(&first)), format!("\"x\", {}", tag(&first)), "*".to_owned()] {
        assert_eq!(app.get(&path).header("if-none-match", &sent).send().await.status, 304, "{sent}");
    }
    assert_eq!(app.call("HEAD", &path).header("if-none-match", &tag(&first)).send().await.status, 304);

    let changed = app.patch(&path).by(&ann).json(&json!({"price": 2})).send().await;
    assert_ne!(tag(&changed), tag(&first));
    let read = app.get(&path).header("if-none-match", &tag(&first)).send().await;
    assert_eq!((read.status, tag(&read)), (200, tag(&changed)), "an answer to a change has the tag of a read");
}

#[tokio::test]
async fn the_same_address_has_another_tag_for_another_user() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let of_ann = app.get("/users/me").by(&ann).send().await;
    assert_eq!(of_ann.header("cache-control"), Some("private, no-cache"));
    assert!(of_ann.header("vary").unwrap().contains("Authorization"));
    let by_bob = app.get("/users/me").by(&bob).header("if-none-match", &tag(&of_ann)).send().await;
    assert_eq!(by_bob.text("/username"), "bob");
    assert_eq!(tag(&app.get(&format!("/users/{}", ann.id)).by(&ann).send().await), tag(&of_ann));
}

#[tokio::test]
async fn a_change_to_another_state_than_was_seen_is_refused() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let created = item(&app, &ann).await;
    let path = format!("/items/{}", created.text("/id"));
    let body = json!({"name": "other", "price": 2});
    let put = |tag: &str| app.put(&path).by(&ann).json(&body).header("if-match", tag);
    let patch = |tag: &str| app.patch(&path).by(&ann).json(&json!({"price": 3})).header("if-match", tag);
    let delete = |tag: &str| app.delete(&path).by(&ann).header("if-match", tag);

    let replaced = put(&tag(&created)).send().await;
    assert_eq!(replaced.status, 200);
    for call in [put(&tag(&created)), patch(&tag(&created)), delete(&tag(&created)), put("W/\"x\""), put("nonsense")] {
        let refused = call.send().await;
        assert_eq!(refused.status, 412, "{refused:?}");
    }
    let weak = format!("W/{}", tag(&replaced));
    assert_eq!(put(&weak).send().await.status, 412, "weak tags are not for changes");
    assert_eq!(app.get(&path).send().await.text("/name"), "other");
    let patched = patch(&tag(&replaced)).send().await;
    assert_eq!(patched.status, 200);
    let unless_known = app.patch(&path).by(&ann).json(&json!({"price": 4})).header("if-none-match", &tag(&patched));
    assert_eq!(unless_known.send().await.status, 412);
    assert_eq!(delete("*").send().await.status, 204);
    assert_eq!(delete("*").send().await.status, 404, "404 comes before 412");
}

#[tokio::test]
async fn a_users_account_is_guarded_too() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let me = app.get("/users/me").by(&ann).send().await;
    let patch = || app.patch("/users/me").by(&ann).header("if-match", &tag(&me));
    assert_eq!(patch().json(&json!({"age": 30})).send().await.status, 200);
    assert_eq!(patch().json(&json!({"age": 31})).send().await.status, 412);
    assert_eq!(app.delete("/users/me").by(&ann).header("if-match", &tag(&me)).send().await.status, 412);
    assert_eq!(
        app.delete(&format!("/users/{}", ann.id)).by(&ann).header("if-match", &tag(&me)).send().await.status,
        412
    );
    assert_eq!(app.get("/users/me").by(&ann).send().await.body["age"], 30);
}

#[tokio::test]
async fn of_many_changes_to_one_state_exactly_one_is_made() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let created = item(&app, &ann).await;
    let path = format!("/items/{}", created.text("/id"));
    let racers = (0..12).map(|price| {
        let call = app.patch(&path).by(&ann).json(&json!({"price": price + 10})).header("if-match", &tag(&created));
        tokio::spawn(call.send())
    });
    let mut statuses = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        statuses.push(racer.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[412; 11]].concat());
}

#[tokio::test]
async fn a_setting_demands_that_changes_name_their_state() {
    let app = App::start_with(&[("REQUIRE_IF_MATCH", "true")]).await;
    let ann = app.user("ann").await;
    let created = item(&app, &ann).await;
    let path = format!("/items/{}", created.text("/id"));
    let refused = app.patch(&path).by(&ann).json(&json!({"price": 2})).send().await;
    assert_eq!((refused.status, refused.text("/detail").contains("If-Match")), (428, true));
    let unless = app.patch(&path).by(&ann).json(&json!({"price": 2})).header("if-none-match", "\"x\"");
    assert_eq!(unless.send().await.status, 428, "the other condition names no state");
    assert_eq!(app.delete(&path).by(&ann).send().await.status, 428);
    assert_eq!(app.delete("/users/me").by(&ann).send().await.status, 428);
    let patched = app.patch(&path).by(&ann).json(&json!({"price": 2})).header("if-match", &tag(&created)).send().await;
    assert_eq!(patched.status, 200);
}
