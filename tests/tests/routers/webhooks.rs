//! Where webhooks may go, and what they are signed with.

use peregrine_core::webhook::WebhookSecrets;
use serde_json::{Value, json};
use tests::app::App;
use tests::client::Answer;
use uuid::Uuid;

async fn notify(app: &App, webhook: &str) -> Answer {
    let body = json!({"email": "bob@example.com", "message": "Hello", "webhook": webhook});
    app.post("/notifications").by(&app.admin().await).json(&body).send().await
}

#[tokio::test]
async fn everybody_is_shown_their_own_secret_and_no_cache_keeps_it() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let shown = app.get("/webhooks/secret").by(&ann).send().await;
    assert_eq!((shown.status, shown.header("cache-control"), shown.header("etag")), (200, Some("no-store"), None));
    let secrets = WebhookSecrets::new(&tests::app::SECRET.into());
    let expected = secrets.of(Uuid::parse_str(&ann.id).unwrap()).expose();
    assert_eq!(shown.body, json!({"secret": expected}));
    let others = app.get("/webhooks/secret").by(&bob).send().await;
    assert_ne!(others.body, shown.body);
}

#[tokio::test]
async fn a_receiver_that_can_not_be_told_is_refused_at_once() {
    let app = App::start().await;
    for (url, reason) in [
        ("http://example.com/", "the URL scheme must be 'https'"),
        ("https://ann:secret@example.com/", "the URL must not contain a user name or a password"),
        ("https://example.com:22/", "the port is not allowed, only 80, 443, 8080 and 8443 are"),
        ("https://169.254.169.254/", "the address is not allowed"),
        ("https://localhost/", "the address is not allowed"),
    ] {
        let refused = notify(&app, url).await;
        assert_eq!((refused.status, &refused.body["detail"][0]["loc"]), (422, &json!(["body", "webhook"])), "{url}");
        assert!(refused.text("/detail/0/msg").ends_with(reason), "{}", refused.raw);
    }
    let listed = app.get("/jobs").by(&app.admin().await).send().await;
    assert_eq!(listed.body, Value::Array(Vec::new()), "what is refused promises nothing");
    assert_eq!(notify(&app, "https://example.com/hooks").await.status, 202);
}

#[tokio::test]
async fn an_operator_can_except_a_receiver() {
    let app = App::start_with(&[("OUTBOUND_ALLOW", "127.0.0.1:9000")]).await;
    assert_eq!(notify(&app, "http://127.0.0.1:9000/hooks").await.status, 202);
    assert_eq!(notify(&app, "http://127.0.0.1:9001/hooks").await.status, 422);
}
