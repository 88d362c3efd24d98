//! The audit trail, as admins read it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::random::Random;
use peregrine_core::table::Audit;
use serde_json::{Value, json};
use tests::app::{App, PASSWORD, workspace};
use tests::client::{Account, Answer};
use uuid::Uuid;

/// Puts events of an account on record, a second apart. Returns their ids, the newest first.
async fn record(app: &App, user_id: Uuid, actions: &[AuditAction]) -> Vec<String> {
    let audit = Audit::new(app.client.clone(), "AuditTable".to_owned());
    let mut ids = Vec::new();
    for action in actions {
        app.pass(SignedDuration::from_secs(1));
        let address = "203.0.113.7".parse().unwrap();
        let event = AuditEvent::new(*action, user_id, address, app.now(), &Random::system());
        audit.insert(&event).await.unwrap();
        ids.insert(0, event.id.to_string());
    }
    ids
}

async fn list(app: &App, admin: &Account, query: &str) -> Answer {
    let answer = app.get(&format!("/audit-events?{query}")).by(admin).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// All ids from `query` on, page by page.
async fn follow(app: &App, admin: &Account, query: &str) -> Vec<String> {
    let mut page = list(app, admin, query).await;
    let mut ids = page.ids();
    while let Some(next) = page.next() {
        assert!(ids.len() < 1000, "the list does not end");
        page = list(app, admin, next.split_once('?').unwrap().1).await;
        ids.extend(page.ids());
    }
    ids
}

#[tokio::test]
async fn what_happens_to_an_account_is_on_record_the_newest_first() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.pass(SignedDuration::from_secs(1));
    let new = json!({"email": "ann@example.com", "username": "ann", "password": PASSWORD});
    let ann = app.post("/users").json(&new).send().await.text("/id");
    app.pass(SignedDuration::from_secs(1));
    app.sign_in("ann", PASSWORD).await;

    let events = list(&app, &admin, &format!("user_id={ann}")).await;
    let actions: Vec<_> = events.body.as_array().unwrap().iter().map(|event| event["action"].clone()).collect();
    assert_eq!(actions, ["signed_in", "signed_up"]);
    let signed_in = &events.body[0];
    assert_eq!((&signed_in["user_id"], &signed_in["actor_id"]), (&json!(ann), &json!(ann)));
    assert_eq!(signed_in["at"], app.now().to_string());
    assert!(signed_in["address"].as_str().unwrap().parse::<std::net::IpAddr>().is_ok(), "{signed_in}");
    let fields: BTreeSet<_> = signed_in.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["id", "at", "action", "user_id", "actor_id", "address", "detail"]));
}

#[tokio::test]
async fn pages_show_every_event_once_whatever_they_are_filtered_by() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut expected = record(&app, other, &[AuditAction::SignedIn; 5]).await;
    let of_one = record(&app, one, &[AuditAction::SignInRefused, AuditAction::SignedIn].repeat(6)).await;
    expected.splice(0..0, of_one.iter().cloned());
    let refused: Vec<_> = of_one.iter().skip(1).step_by(2).cloned().collect();

    let mut all = follow(&app, &admin, "limit=4").await;
    assert_eq!(all.split_off(expected.len()).len(), 2, "the admin's own account and sign-in are the oldest");
    assert_eq!(all, expected);
    for limit in [1, 3, 6, 100] {
        assert_eq!(follow(&app, &admin, &format!("user_id={one}&limit={limit}")).await, of_one, "{limit}");
        let filtered = follow(&app, &admin, &format!("action=sign_in_refused&limit={limit}")).await;
        assert_eq!(filtered, refused, "{limit}");
        let both = follow(&app, &admin, &format!("user_id={one}&action=sign_in_refused&limit={limit}&skip=2")).await;
        assert_eq!(both, refused[2..], "{limit}");
    }
    assert_eq!(follow(&app, &admin, &format!("user_id={other}&action=account_deleted")).await, [""; 0]);
}

#[tokio::test]
async fn a_rare_event_is_found_behind_many_others() {
    let app = App::start().await;
    let admin = app.admin().await;
    let user = Uuid::from_u128(1);
    let rare = record(&app, user, &[AuditAction::PasswordReset]).await;
    record(&app, user, &[AuditAction::SignedIn; 510]).await;
    let query = format!("user_id={user}&action=password_reset");
    let first = list(&app, &admin, &query).await;
    assert_eq!((first.ids().len(), first.next().is_some()), (0, true), "a page reads 500 rows at the most");
    assert_eq!(follow(&app, &admin, &query).await, rare);
}

#[tokio::test]
async fn an_event_is_shown_for_a_year() {
    let app = App::start().await;
    let user = Uuid::from_u128(1);
    record(&app, user, &[AuditAction::EmailVerified; 2]).await;
    app.pass(SignedDuration::from_hours(364 * 24));
    let newer = record(&app, user, &[AuditAction::SignedIn; 2]).await;
    app.pass(SignedDuration::from_hours(2 * 24));
    let admin = app.admin().await;
    assert_eq!(follow(&app, &admin, &format!("user_id={user}")).await, newer, "what DynamoDB has not deleted yet");
    assert_eq!(follow(&app, &admin, "action=email_verified").await, [""; 0]);
}

#[tokio::test]
async fn a_cursor_of_the_audit_trail_is_bound_to_its_filter() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    record(&app, one, &[AuditAction::SignedIn; 3]).await;
    let page = list(&app, &admin, &format!("user_id={one}&limit=1")).await;
    let cursor = page.next().unwrap().split("cursor=").nth(1).unwrap().to_owned();
    for query in ["", &format!("user_id={other}&"), &format!("user_id={one}&action=signed_in&")] {
        let answer = app.get(&format!("/audit-events?{query}cursor={cursor}")).by(&admin).send().await;
        assert_eq!((answer.status, answer.faults()), (422, vec!["value_error query.cursor".to_owned()]), "{query}");
    }
}

#[tokio::test]
async fn the_audit_trail_is_for_admins() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let own = app.get(&format!("/audit-events?user_id={}", ann.id)).by(&ann).send().await;
    assert_eq!(own.status, 403);
    let admin = app.admin().await;
    let faulty = app.get("/audit-events?action=x&user_id=y").by(&admin).send().await;
    assert_eq!(
        (faulty.status, faulty.faults()),
        (422, vec!["uuid_parsing query.user_id".to_owned(), "enum query.action".to_owned()])
    );
}

#[tokio::test]
async fn an_event_that_is_written_twice_is_on_record_once_and_as_it_was() {
    let app = App::start().await;
    let admin = app.admin().await;
    let audit = Audit::new(app.client.clone(), "AuditTable".to_owned());
    let address = "203.0.113.7".parse().unwrap();
    let event = AuditEvent::new(AuditAction::SignedIn, Uuid::from_u128(1), address, app.now(), &Random::system());
    audit.insert(&event).await.unwrap();
    audit.insert(&event.clone().about("changed")).await.unwrap();
    let events = list(&app, &admin, &format!("user_id={}", event.user_id)).await;
    assert_eq!((events.ids().len(), &events.body[0]["detail"]), (1, &Value::Null));
}

#[test]
fn no_function_may_change_or_delete_what_is_on_record() {
    let template = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
    let statements: Vec<_> = template.split("- Effect: Allow").skip(1).collect();
    // A statement ends where the events of its function begin, or its resource.
    let ends = ["Events:", "\n\n"];
    let whole = |text: &str| ends.iter().filter_map(|end| text.find(end)).min().map(|end| text[..end].to_owned());
    let of_audit: Vec<_> = statements
        .iter()
        .map(|statement| whole(statement).unwrap_or_else(|| (*statement).to_owned()))
        .filter(|statement| statement.contains("AuditTable"))
        .collect();
    assert!(of_audit.len() >= 3, "{of_audit:?}");
    for statement in of_audit {
        let (_, rest) = statement.split_once("Action: [").unwrap();
        let (actions, _) = rest.split_once(']').unwrap();
        for action in actions.split(", ") {
            assert!(["dynamodb:PutItem", "dynamodb:Query"].contains(&action), "{statement}");
        }
    }
}
