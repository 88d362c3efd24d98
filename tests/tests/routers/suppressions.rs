//! The list of addresses that get no mail.

use peregrine_core::email::Email;
use peregrine_core::suppression::{Reason, Suppression};
use peregrine_core::table::{ConditionalWriteError, Suppressions};
use serde_json::json;
use tests::app::App;
use tests::log;

fn list(app: &App) -> Suppressions {
    Suppressions::new(app.client.clone(), "SuppressionTable".to_owned())
}

fn email(address: &str) -> Email {
    Email::parse(address).unwrap()
}

fn suppression(app: &App, reason: Reason, detail: &str) -> Suppression {
    Suppression { reason, since: app.now(), detail: Some(detail.to_owned()) }
}

#[tokio::test]
async fn a_stronger_reason_replaces_a_weaker_one_and_never_the_other_way_round() {
    let app = App::start().await;
    let list = list(&app);
    let ann = email("ann@example.com");
    assert_eq!(list.find(&ann).await.unwrap(), None);
    for (reason, detail, expected) in [
        (Reason::Unsubscribed, "first", Reason::Unsubscribed),
        (Reason::Bounce, "second", Reason::Bounce),
        (Reason::Unsubscribed, "late", Reason::Bounce),
        (Reason::Bounce, "twice", Reason::Bounce),
        (Reason::Complaint, "third", Reason::Complaint),
        (Reason::Bounce, "late", Reason::Complaint),
    ] {
        let new = suppression(&app, reason, detail);
        let changed = list.put(&ann, &new).await.unwrap();
        let found = list.find(&ann).await.unwrap().unwrap();
        assert_eq!(found.reason, expected, "{detail}");
        assert_eq!(found == new, changed, "{detail}: what comes late or twice changes nothing");
    }
}

#[tokio::test]
async fn an_address_is_found_however_it_is_written_and_stands_in_no_row() {
    let app = App::start().await;
    let list = list(&app);
    assert!(list.put(&email("Ann@Bücher.example"), &suppression(&app, Reason::Bounce, "5.1.1")).await.unwrap());
    for other in ["ann@bücher.example", "ANN@xn--bcher-kva.EXAMPLE"] {
        assert!(list.find(&email(other)).await.unwrap().is_some(), "{other}");
    }
    assert_eq!(list.find(&email("anna@bücher.example")).await.unwrap(), None);
    let rows = app.client.scan().table_name("SuppressionTable").send().await.unwrap();
    assert_eq!(rows.count(), 1);
    assert!(!format!("{:?}", rows.items()).to_lowercase().contains("ann@"));
}

#[tokio::test]
async fn what_is_lifted_is_what_was_seen() {
    let app = App::start().await;
    let list = list(&app);
    let ann = email("ann@example.com");
    let seen = suppression(&app, Reason::Bounce, "seen");
    list.put(&ann, &seen).await.unwrap();
    list.put(&ann, &suppression(&app, Reason::Complaint, "unseen")).await.unwrap();
    assert!(matches!(list.delete(&ann, &seen).await, Err(ConditionalWriteError::Outdated)));
    let now = list.find(&ann).await.unwrap().unwrap();
    list.delete(&ann, &now).await.unwrap();
    assert_eq!(list.find(&ann).await.unwrap(), None);
    assert!(matches!(list.delete(&ann, &now).await, Err(ConditionalWriteError::Outdated)), "there is nothing to lift");
}

#[tokio::test]
async fn whoever_has_unsubscribed_stays_so_when_a_bounce_is_lifted() {
    let app = App::start().await;
    let list = list(&app);
    let ann = email("ann@example.com");
    for reason in [Reason::Unsubscribed, Reason::Bounce] {
        assert!(list.put(&ann, &suppression(&app, reason, "first")).await.unwrap());
    }
    let bounce = list.find(&ann).await.unwrap().unwrap();
    assert_eq!(bounce.reason, Reason::Bounce);
    list.delete(&ann, &bounce).await.unwrap();
    assert_eq!(list.find(&ann).await.unwrap().unwrap().reason, Reason::Unsubscribed);
    // Nor is a wish lost that comes while mail bounces.
    let bob = email("bob@example.com");
    for reason in [Reason::Bounce, Reason::Unsubscribed] {
        assert!(list.put(&bob, &suppression(&app, reason, "second")).await.unwrap());
    }
    list.delete(&bob, &list.find(&bob).await.unwrap().unwrap()).await.unwrap();
    assert_eq!(list.find(&bob).await.unwrap().unwrap().reason, Reason::Unsubscribed);
}

#[tokio::test]
async fn an_admin_sees_why_an_address_gets_no_mail_and_lifts_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    let put = Suppression { reason: Reason::Bounce, since: app.now(), detail: Some("General 5.1.1".to_owned()) };
    list(&app).put(&email("ann@bücher.example"), &put).await.unwrap();
    let path = "/suppressions/Ann@xn--bcher-kva.example";
    let shown = app.get(path).by(&admin).send().await;
    let expected = json!({
        "email": "Ann@bücher.example", "reason": "bounce", "since": app.now().to_string(), "detail": "General 5.1.1",
    });
    assert_eq!((shown.status, &shown.body), (200, &expected));
    let tag = shown.header("etag").unwrap();

    let outdated = app.delete(path).by(&admin).header("if-match", "\"another\"").send().await;
    assert_eq!(outdated.status, 412);
    assert_eq!(app.delete(path).by(&admin).header("if-match", tag).send().await.status, 204);
    for call in [app.get(path), app.delete(path)] {
        let answer = call.by(&admin).send().await;
        assert_eq!((answer.status, answer.text("/detail")), (404, "Suppression not found".to_owned()));
    }
    let invalid = app.get("/suppressions/ann").by(&admin).send().await;
    assert_eq!(invalid.faults(), ["value_error path.email"]);
}

#[tokio::test]
async fn nobody_but_an_admin_asks_about_addresses() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for method in ["GET", "DELETE"] {
        let call = || app.call(method, "/suppressions/ann@example.com");
        assert_eq!(call().send().await.status, 401);
        assert_eq!(call().by(&ann).send().await.status, 403, "not even about one's own");
    }
}

#[tokio::test]
async fn an_address_that_is_asked_about_stands_in_no_log_line() {
    log::start();
    let app = App::start().await;
    let admin = app.admin().await;
    let _ = log::lines();
    for path in ["/suppressions/ann@example.com", "/suppressions/ann%40example.com"] {
        assert_eq!(app.get(path).by(&admin).send().await.status, 404);
    }
    let lines = log::lines();
    assert!(lines.iter().all(|line| line["path"] == "/api/v1/suppressions/…"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}
