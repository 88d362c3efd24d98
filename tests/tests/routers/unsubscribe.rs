//! The link by which whoever gets a mail asks for no more of them.

use peregrine_core::email::Email;
use peregrine_core::one_time::{OneTimeToken, Purpose};
use peregrine_core::random::Random;
use peregrine_core::suppression::{Reason, Suppression};
use peregrine_core::table::Suppressions;
use secrecy::ExposeSecret as _;
use tests::app::App;
use tests::log;

const FORM: &str = "application/x-www-form-urlencoded";

fn ann() -> Email {
    Email::parse("ann@example.com").unwrap()
}

fn link(app: &App) -> String {
    format!("/unsubscribe?token={}", app.links.unsubscribe(&ann()))
}

async fn found(app: &App) -> Option<Suppression> {
    let list = Suppressions::new(app.client.clone(), "SuppressionTable".to_owned());
    list.find(&ann()).await.unwrap()
}

#[tokio::test]
async fn one_click_of_a_mail_program_unsubscribes_without_anything_else() {
    let app = App::start().await;
    let multipart = "--B\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--B--\r\n";
    for (content_type, body) in
        [(FORM, "List-Unsubscribe=One-Click"), ("multipart/form-data; boundary=B", multipart), (FORM, "")]
    {
        let answer = app.post(&link(&app)).body(content_type, body).send().await;
        assert_eq!(answer.status, 200);
        assert!(answer.text("/message").starts_with("No more messages will be sent"), "{answer:?}");
        assert!(answer.header("set-cookie").is_none() && answer.header("location").is_none());
        let expected = Suppression { reason: Reason::Unsubscribed, since: app.now(), detail: None };
        assert_eq!(found(&app).await, Some(expected));
    }
}

#[tokio::test]
async fn opening_the_link_changes_nothing_and_its_button_unsubscribes() {
    let app = App::start().await;
    let page = app.get(&link(&app)).as_browser().send().await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.raw.contains("<form method=\"post\"><button>Unsubscribe</button></form>"), "{}", page.raw);
    assert!(!page.raw.contains("ann"), "{}", page.raw);
    assert_eq!(app.call("HEAD", &link(&app)).send().await.status, 200);
    assert_eq!(found(&app).await, None);

    let done = app.post(&link(&app)).as_browser().body(FORM, "").send().await;
    assert!(done.status == 200 && done.raw.contains("You are unsubscribed"), "{}", done.raw);
    assert!(found(&app).await.is_some());
}

#[tokio::test]
async fn a_forged_link_unsubscribes_nobody() {
    let app = App::start().await;
    let link = link(&app);
    let one_time = OneTimeToken::new(Purpose::VerifyEmail, uuid::Uuid::nil(), &Random::system()).text();
    let foreign = format!("/unsubscribe?token={}", one_time.expose_secret());
    for path in [format!("{link}A"), foreign, "/unsubscribe?token=".to_owned()] {
        for method in ["GET", "POST"] {
            let answer = app.call(method, &path).send().await;
            assert_eq!((answer.status, answer.text("/detail")), (400, "This link is not valid".to_owned()), "{path}");
        }
    }
    assert_eq!(app.post("/unsubscribe").send().await.faults(), ["missing query.token"]);
    assert_eq!(found(&app).await, None);
}

#[tokio::test]
async fn whoever_unsubscribes_stays_on_the_list_for_a_stronger_reason() {
    let app = App::start().await;
    let list = Suppressions::new(app.client.clone(), "SuppressionTable".to_owned());
    let complaint = Suppression { reason: Reason::Complaint, since: app.now(), detail: None };
    list.put(&ann(), &complaint).await.unwrap();
    assert_eq!(app.post(&link(&app)).send().await.status, 200);
    assert_eq!(found(&app).await, Some(complaint));
}

#[tokio::test]
async fn neither_the_token_nor_the_address_stands_in_a_log_line() {
    log::start();
    let app = App::start().await;
    let link = link(&app);
    let _ = log::lines();
    assert_eq!(app.post(&link).send().await.status, 200);
    let lines = serde_json::to_string(&log::lines()).unwrap();
    let token = link.split_once('=').unwrap().1;
    assert!(lines.contains("/api/v1/unsubscribe") && !lines.contains(token) && !lines.contains("ann@"), "{lines}");
}
