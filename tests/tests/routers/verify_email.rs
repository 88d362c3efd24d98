//! The confirmation of email addresses by a link in a mail.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use peregrine_core::email::Email;
use peregrine_core::one_time::Purpose;
use serde_json::json;
use tests::app::{App, LINK_GONE, PASSWORD};
use tests::client::Account;
use tests::log;

/// The path that the link in a mail to this account leads to.
async fn link(app: &App, account: &Account) -> String {
    app.mailed_link(Purpose::VerifyEmail, account).await
}

async fn is_verified(app: &App, account: &Account) -> bool {
    app.get("/users/me").by(account).send().await.body["is_verified"].as_bool().unwrap()
}

#[tokio::test]
async fn opening_the_link_changes_nothing_and_its_button_confirms_the_address() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    let page = app.get(&link).as_browser().send().await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.raw.contains("<form method=\"post\"><button>Confirm</button></form>"), "{}", page.raw);
    assert!(!is_verified(&app, &ann).await);

    let done = app.post(&link).as_browser().body("application/x-www-form-urlencoded", "").send().await;
    assert_eq!(done.status, 200);
    assert!(done.raw.contains("The address is confirmed.") && !done.raw.contains("<form"), "{}", done.raw);
    assert!(is_verified(&app, &ann).await);
    for method in ["GET", "POST"] {
        assert_eq!(app.call(method, &link).send().await.said(), (400, LINK_GONE.to_owned()), "a link is good once");
    }
}

#[tokio::test]
async fn a_page_runs_no_script_and_tells_nobody_where_it_is() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    for path in [link.as_str(), "/verify-email?token=forged", "/verify-email"] {
        let page = app.get(path).as_browser().send().await;
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
    let old = link(&app, &ann).await;
    app.pass(SignedDuration::from_hours(24));
    let reset = app.mailed_link(Purpose::ResetPassword, &ann).await.replace("reset-password", "verify-email");
    let never_made = format!("/verify-email?token={}", "A".repeat(64));
    let unsubscribe = app.links.unsubscribe(&Email::parse(&ann.email).unwrap());
    let foreign = format!("/verify-email?token={unsubscribe}");
    for (path, reason) in [
        (old.as_str(), "This link has expired"),
        // It happens to be as long as a token for one use.
        (foreign.as_str(), LINK_GONE),
        ("/verify-email?token=forged", "This link is not valid"),
        (never_made.as_str(), LINK_GONE),
    ] {
        for method in ["GET", "POST"] {
            let answer = app.call(method, path).send().await;
            assert_eq!(answer.said(), (400, reason.to_owned()), "{method} {path}");
            let page = app.call(method, path).as_browser().send().await;
            assert_eq!(page.status, 400);
            assert!(page.raw.contains(&format!("<p>{reason}</p>")), "{}", page.raw);
        }
    }
    let ann = app.sign_in("ann", PASSWORD).await;
    assert_eq!(
        app.post(&reset).send().await.said(),
        (400, LINK_GONE.to_owned()),
        "one purpose's link is not another's"
    );
    assert!(!is_verified(&app, &ann).await);
    let incomplete = app.get("/verify-email").send().await;
    assert_eq!((incomplete.status, incomplete.faults()), (422, vec!["missing query.token".to_owned()]));
    let page = app.get("/verify-email").as_browser().send().await;
    assert!(page.status == 422 && page.raw.contains("not complete"), "{}", page.raw);
}

#[tokio::test]
async fn a_link_is_of_no_use_for_another_address_or_a_user_who_is_gone() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (of_ann, of_bob) = (link(&app, &ann).await, link(&app, &bob).await);
    let moved = app.patch("/users/me").by(&ann).json(&json!({"email": "ann@new.example"})).send().await;
    assert_eq!(moved.status, 200);
    assert_eq!(app.delete("/users/me").by(&bob).send().await.status, 204);
    for path in [of_ann, of_bob] {
        assert_eq!(app.post(&path).send().await.said(), (400, LINK_GONE.to_owned()));
    }
    assert!(!is_verified(&app, &ann).await);
}

#[tokio::test]
async fn a_newer_link_takes_the_place_of_an_older_one() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let (older, newer) = (link(&app, &ann).await, link(&app, &ann).await);
    assert_eq!(app.post(&older).send().await.said(), (400, LINK_GONE.to_owned()));
    assert_eq!(app.post(&newer).send().await.status, 200);
    assert!(is_verified(&app, &ann).await);
}

#[tokio::test]
async fn of_many_who_use_a_link_at_once_one_succeeds() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    let answers = futures_util::future::join_all((0..5).map(|_| app.post(&link).send())).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400]);
}

#[tokio::test]
async fn whoever_is_not_confirmed_yet_asks_for_another_mail_and_gets_a_few() {
    let app = App::start_with(&[("STRICT_LIMITS", "true"), ("RATE_LIMITS", "mailbox=3/3600")]).await;
    let ann = app.user("ann").await;
    let ask = || app.post("/verify-email/request").by(&ann);
    let accepted = ask().header("idempotency-key", "again").send().await;
    assert_eq!((accepted.status, accepted.text("/kind")), (202, "email".to_owned()));
    assert_eq!(accepted.header("location"), Some(format!("/api/v1/jobs/{}", accepted.text("/id")).as_str()));
    let again = ask().header("idempotency-key", "again").send().await;
    assert_eq!((again.text("/id"), again.header("idempotent-replayed")), (accepted.text("/id"), Some("true")));
    assert_eq!(ask().send().await.status, 202);
    let refused = ask().send().await;
    assert_eq!(refused.status, 429, "nobody's mailbox is flooded");
    assert!(refused.header("retry-after").is_some());
    app.post(&link(&app, &ann).await).send().await;
    assert_eq!(ask().send().await.said(), (409, "The email address is confirmed".to_owned()));
}

#[tokio::test]
async fn what_is_stored_of_a_link_does_not_hold_its_token_or_the_address() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    let stored = app.bytes_of("OneTimeTokensTable").await;
    let holds = |wanted: &[u8]| stored.windows(wanted.len()).any(|window| window == wanted);
    assert!(holds(b"verify-email"), "what is there is found");
    let token = link.split_once('=').unwrap().1;
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    // The last bytes are the secret; those before say whose link it is, and for what.
    assert!(!holds(token.as_bytes()) && !holds(&bytes[bytes.len() - 16..]) && !holds(b"ann@"));
}

#[tokio::test]
async fn a_token_stands_in_no_log_line_and_no_error() {
    log::start();
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
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
        answered.push(call.as_browser().send().await);
    }
    assert_eq!(answered.iter().map(|answer| answer.status).collect::<Vec<_>>(), [400, 400, 429]);
    assert!(answered[2].raw.contains("Too many requests") && answered[2].header("retry-after").is_some());
}
