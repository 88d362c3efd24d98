//! The confirmation of email addresses by a link in a mail.

use jiff::{SignedDuration, Timestamp};
use peregrine_core::email::Email;
use serde_json::json;
use tests::app::App;
use tests::client::{Account, Answer};
use tests::log;
use uuid::Uuid;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The path that the link in a mail to this account leads to.
fn link(app: &App, account: &Account, email: &str, sent_at: Timestamp) -> String {
    let user_id = Uuid::parse_str(&account.id).unwrap();
    let token = app.links.verification(user_id, &Email::parse(email).unwrap(), sent_at);
    format!("/verify-email?token={token}")
}

async fn is_verified(app: &App, account: &Account) -> bool {
    app.get("/users/me").by(account).send().await.body["is_verified"].as_bool().unwrap()
}

fn message(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text("/message"))
}

fn detail(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text("/detail"))
}

#[tokio::test]
async fn opening_the_link_changes_nothing_and_its_button_confirms_the_address() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann, &ann.email, app.now());
    let page = app.get(&link).header("accept", BROWSER).send().await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.raw.contains("<form method=\"post\"><button>Confirm</button></form>"), "{}", page.raw);
    assert!(!is_verified(&app, &ann).await);

    let done = app.post(&link).header("accept", BROWSER).body("application/x-www-form-urlencoded", "").send().await;
    assert_eq!(done.status, 200);
    assert!(done.raw.contains("The address is confirmed.") && !done.raw.contains("<form"), "{}", done.raw);
    assert!(is_verified(&app, &ann).await);
    let again = app.post(&link).send().await;
    assert_eq!(message(&again), (200, "The address was confirmed before. There is nothing more to do.".to_owned()));
}

#[tokio::test]
async fn a_page_runs_no_script_and_tells_nobody_where_it_is() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann, &ann.email, app.now());
    for path in [link.as_str(), "/verify-email?token=forged", "/verify-email"] {
        let page = app.get(path).header("accept", BROWSER).send().await;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        for rule in ["default-src 'none';", "form-action 'self';", "base-uri 'none';", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule), "{rule} {policy}");
        }
        assert!(!policy.contains("script-src") && !page.raw.contains("<script"), "{path}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(page.header("vary"), Some("Accept"), "{path}");
        let token = path.split_once('=').map_or("no token", |(_, token)| token);
        assert!(!page.raw.contains(token), "{path}");
    }
}

#[tokio::test]
async fn a_link_that_has_expired_or_was_forged_is_refused_in_the_form_that_the_client_takes() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let old = link(&app, &ann, &ann.email, app.now() - SignedDuration::from_hours(25));
    let unsubscribe = app.links.unsubscribe(&Email::parse(&ann.email).unwrap());
    let foreign = format!("/verify-email?token={unsubscribe}");
    for (path, reason) in [
        (old.as_str(), "This link has expired"),
        (foreign.as_str(), "This link is not valid"),
        ("/verify-email?token=forged", "This link is not valid"),
    ] {
        for method in ["GET", "POST"] {
            let answer = app.call(method, path).send().await;
            assert_eq!(detail(&answer), (400, reason.to_owned()), "{method} {path}");
            let page = app.call(method, path).header("accept", BROWSER).send().await;
            assert_eq!(page.status, 400);
            assert!(page.raw.contains(&format!("<p>{reason}</p>")), "{}", page.raw);
        }
    }
    assert!(!is_verified(&app, &ann).await);
    let incomplete = app.get("/verify-email").send().await;
    assert_eq!((incomplete.status, incomplete.faults()), (422, vec!["missing query.token".to_owned()]));
    let page = app.get("/verify-email").header("accept", BROWSER).send().await;
    assert!(page.status == 422 && page.raw.contains("not complete"), "{}", page.raw);
}

#[tokio::test]
async fn a_link_is_of_no_use_for_another_address_or_a_user_who_is_gone() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (of_ann, of_bob) = (link(&app, &ann, &ann.email, app.now()), link(&app, &bob, &bob.email, app.now()));
    let moved = app.patch("/users/me").by(&ann).json(&json!({"email": "ann@new.example"})).send().await;
    assert_eq!(moved.status, 200);
    assert_eq!(app.delete("/users/me").by(&bob).send().await.status, 204);
    for path in [of_ann, of_bob] {
        assert_eq!(detail(&app.post(&path).send().await), (400, "This link is not valid".to_owned()));
    }
    assert!(!is_verified(&app, &ann).await);
}

#[tokio::test]
async fn a_token_stands_in_no_log_line_and_no_error() {
    log::start();
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann, &ann.email, app.now());
    let token = link.split_once('=').unwrap().1;
    let _ = log::lines();
    app.post(&link).send().await;
    let refused = app.post(&format!("/verify-email?token={token}&token=x{token}")).send().await;
    assert_eq!(refused.status, 400);
    let lines = json!(log::lines()).to_string();
    assert!(lines.contains("/api/v1/verify-email") && !lines.contains(token), "{lines}");
    assert!(!refused.raw.contains(token));
}

#[tokio::test]
async fn confirming_counts_as_a_public_write() {
    let app = App::start_with(&[("STRICT_LIMITS", "true"), ("RATE_LIMITS", "writes=2/60")]).await;
    let statuses = [(); 3].map(|()| app.post("/verify-email?token=forged"));
    let mut answered = Vec::new();
    for call in statuses {
        answered.push(call.header("accept", BROWSER).send().await);
    }
    assert_eq!(answered.iter().map(|answer| answer.status).collect::<Vec<_>>(), [400, 400, 429]);
    assert!(answered[2].raw.contains("Too many requests") && answered[2].header("retry-after").is_some());
}
