//! The list of addresses that get no mail.

use peregrine_core::email::Email;
use peregrine_core::suppression::{Reason, Suppression};
use peregrine_core::table::{ConditionalWriteError, Suppressions};
use tests::app::App;

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
    let seen = suppression(&app, Reason::Unsubscribed, "seen");
    list.put(&ann, &seen).await.unwrap();
    list.put(&ann, &suppression(&app, Reason::Complaint, "unseen")).await.unwrap();
    assert!(matches!(list.delete(&ann, &seen).await, Err(ConditionalWriteError::Outdated)));
    let now = list.find(&ann).await.unwrap().unwrap();
    list.delete(&ann, &now).await.unwrap();
    assert_eq!(list.find(&ann).await.unwrap(), None);
    assert!(matches!(list.delete(&ann, &now).await, Err(ConditionalWriteError::Outdated)), "there is nothing to lift");
}
