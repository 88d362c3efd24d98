//! What SES tells about mail that was sent, and what comes of it.

use mail_events::{MailEvents, Summary};
use peregrine_core::clock::Clock;
use peregrine_core::email::Email;
use peregrine_core::suppression::{Reason, Suppression};
use peregrine_core::table::Suppressions;
use serde_json::{Value, json};
use tests::app::{App, workspace};
use tests::log;

fn mail_events(app: &App) -> MailEvents {
    log::start();
    let now = app.now();
    let suppressions = Suppressions::new(app.client.clone(), "SuppressionTable".to_owned());
    MailEvents { suppressions, clock: Clock::from_fn(move || now) }
}

fn sample() -> Value {
    let sample = std::fs::read_to_string(workspace().join("events/mail-events-bounce.json")).unwrap();
    serde_json::from_str(&sample).unwrap()
}

/// An event with these messages.
fn event(messages: &[String]) -> Value {
    let sample = sample();
    let records = messages.iter().map(|message| {
        let mut record = sample["Records"][0].clone();
        record["Sns"]["Message"] = json!(message);
        record
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

fn complaint(address: &str) -> String {
    let complained = json!([{"emailAddress": address}]);
    json!({"eventType": "Complaint", "complaint": {"complainedRecipients": complained}}).to_string()
}

fn bounce(of_type: &str, addresses: &[&str]) -> String {
    let bounced: Vec<_> = addresses.iter().map(|address| json!({"emailAddress": address})).collect();
    json!({"notificationType": "Bounce", "bounce": {"bounceType": of_type, "bouncedRecipients": bounced}}).to_string()
}

async fn reason(events: &MailEvents, address: &str) -> Option<Reason> {
    let email = Email::parse(address).unwrap();
    events.suppressions.find(&email).await.unwrap().map(|suppression| suppression.reason)
}

#[tokio::test]
async fn the_sample_event_puts_its_address_on_the_list_once() {
    let app = App::start().await;
    let events = mail_events(&app);
    for suppressed in [1, 0] {
        let summary = events.handle(serde_json::from_value(sample()).unwrap()).await.unwrap();
        assert_eq!(summary, Summary { bounces: 1, suppressed, ..Summary::default() });
    }
    let email = Email::parse("Nobody@bücher.example").unwrap();
    let expected = Suppression { reason: Reason::Bounce, since: app.now(), detail: Some("General 5.1.1".to_owned()) };
    assert_eq!(events.suppressions.find(&email).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn every_recipient_of_every_record_counts_whatever_else_is_in_the_event() {
    let app = App::start().await;
    let events = mail_events(&app);
    let messages = [
        "Successfully validated SNS topic for Amazon SES event publishing.".to_owned(),
        bounce("Permanent", &["ann@example.com", "no address", "bob@example.com"]),
        bounce("Transient", &["full@example.com"]),
        complaint("bob@example.com"),
    ];
    let summary = events.handle(serde_json::from_value(event(&messages)).unwrap()).await.unwrap();
    let expected = Summary { bounces: 3, complaints: 1, suppressed: 3, unreadable: 1, ignored: 1, malformed: 1 };
    assert_eq!(summary, expected);
    assert_eq!(reason(&events, "ann@example.com").await, Some(Reason::Bounce));
    assert_eq!(reason(&events, "bob@example.com").await, Some(Reason::Complaint));
    assert_eq!(reason(&events, "full@example.com").await, None);
    let lines = log::lines();
    assert!(lines.iter().any(|line| line["message"] == "mail events" && line["suppressed"] == 3), "{lines:?}");
    assert!(!json!(lines).to_string().contains("example.com"), "{lines:?}");
}

#[tokio::test]
async fn an_event_that_the_table_has_not_taken_fails_and_works_when_it_comes_again() {
    let app = App::start().await;
    let events = mail_events(&app);
    let table = app.client.describe_table().table_name("SuppressionTable").send().await.unwrap().table.unwrap();
    app.client.delete_table().table_name("SuppressionTable").send().await.unwrap();
    let messages = [complaint("ann@example.com"), "no notification".to_owned()];
    let repeated = || serde_json::from_value(event(&messages)).unwrap();
    events.handle(repeated()).await.unwrap_err();

    let created = app.client.create_table().table_name("SuppressionTable");
    let created = created.billing_mode(aws_sdk_dynamodb::types::BillingMode::PayPerRequest);
    let created = created.set_key_schema(table.key_schema).set_attribute_definitions(table.attribute_definitions);
    created.send().await.unwrap();
    assert_eq!(events.handle(repeated()).await.unwrap().suppressed, 1);
    assert_eq!(reason(&events, "ann@example.com").await, Some(Reason::Complaint));
}
