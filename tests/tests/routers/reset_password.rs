//! Forgotten passwords: who asks for a link, and what becomes of it.

use jiff::SignedDuration;
use peregrine_core::mail::{Content, Notice};
use peregrine_core::one_time::Purpose;
use serde_json::{Value, json};
use tests::app::{App, LINK_GONE, PASSWORD};
use tests::client::{Account, Answer};
use tests::log;
use totp_rs::Totp;

const NEW: &str = "N3w-password";
const SENT: &str =
    "If there is an account with this address, a mail with a link is on its way to it. The link works for 30 minutes.";

async fn link(app: &App, account: &Account) -> String {
    app.mailed_link(Purpose::ResetPassword, account).await
}

async fn forget(app: &App, email: &str) -> Answer {
    app.post("/forgot-password").json(&json!({"email": email})).send().await
}

async fn reset(app: &App, link: &str, password: &str) -> Answer {
    app.post(link).json(&json!({"password": password})).send().await
}

/// What a sign-in comes to.
async fn signs_in(app: &App, password: &str) -> u16 {
    app.post("/token").form(&[("username", "ann"), ("password", password)]).send().await.status
}

#[tokio::test]
async fn whoever_has_the_link_sets_a_new_password_once() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    assert_eq!(app.get(&link).send().await.status, 200);
    assert_eq!(signs_in(&app, PASSWORD).await, 200, "opening the link changes nothing");
    let done = reset(&app, &link, NEW).await;
    assert_eq!((done.status, done.header("cache-control")), (200, Some("no-store")));
    assert_eq!((signs_in(&app, PASSWORD).await, signs_in(&app, NEW).await), (401, 200));
    for again in [reset(&app, &link, "An0ther-password").await, app.get(&link).send().await] {
        assert_eq!(again.said(), (400, LINK_GONE.to_owned()));
    }
    assert_eq!(signs_in(&app, NEW).await, 200);
}

#[tokio::test]
async fn a_reset_ends_all_sessions_confirms_the_address_and_tells_the_owner() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let token = app.post("/token").form(&[("username", "ann"), ("password", PASSWORD)]).send().await;
    app.pass(SignedDuration::from_secs(1));
    let done = reset(&app, &link(&app, &ann).await, NEW).await;
    assert_eq!(
        done.body,
        json!({"message": "You can sign in with the new password. All earlier sessions have ended."})
    );
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 401);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &token.text("/refresh_token"))];
    assert_eq!(app.post("/token").form(&refresh).send().await.status, 400);
    let me = app.sign_in("ann", NEW).await;
    assert_eq!(app.get("/users/me").by(&me).send().await.body["is_verified"], true);
    let told = app.promised_letters().await.pop().unwrap();
    assert_eq!((told.to.as_str(), told.content), ("ann@example.com", Content::Notice { what: Notice::PasswordReset }));
    let admin = app.admin().await;
    let events = app.get("/audit-events?action=password_reset").by(&admin).send().await;
    assert_eq!(events.body.as_array().unwrap().len(), 1);
    assert_eq!(events.text("/0/user_id"), ann.id);
}

#[tokio::test]
async fn a_reset_signs_nobody_in_and_leaves_the_second_factor_on() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let begun = app.post("/users/me/totp").by(&ann).send().await;
    let device = Totp::from_url(begun.text("/uri")).unwrap();
    let shown = || device.generate(u64::try_from(app.now().as_second()).unwrap()).to_string();
    let confirmed = app.post("/users/me/totp/confirm").by(&ann).json(&json!({"otp": shown()})).send().await;
    assert_eq!(confirmed.status, 200);
    let done = reset(&app, &link(&app, &ann).await, NEW).await;
    assert_eq!(done.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
    assert!(!done.headers.contains_key("set-cookie"));
    let refused = app.post("/token").form(&[("username", "ann"), ("password", NEW)]).send().await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").unwrap().contains("second_factor_required"));
    app.pass(SignedDuration::from_secs(30));
    let with_code = [("username", "ann"), ("password", NEW), ("otp", &shown())];
    assert_eq!(app.post("/token").form(&with_code).send().await.status, 200);
}

#[tokio::test]
async fn a_reset_deletes_the_keys_by_which_somebody_could_come_back() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let key = app.post("/users/me/api-keys").by(&ann).json(&json!({"name": "back door"})).send().await.text("/key");
    let by_key = || app.get("/users/me").header("x-api-key", &key);
    assert_eq!(by_key().send().await.status, 200);
    assert_eq!(reset(&app, &link(&app, &ann).await, NEW).await.status, 200);
    assert_eq!(by_key().send().await.status, 401);
}

#[tokio::test]
async fn a_reset_lets_its_owner_in_whom_others_have_locked_out() {
    let app = App::start_with(&[("STRICT_LIMITS", "true"), ("RATE_LIMITS", "sign-in=1000/60")]).await;
    let ann = app.user("ann").await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(signs_in(&app, "Wr0ng-password").await);
    }
    assert_eq!(statuses.last(), Some(&429));
    assert_eq!(reset(&app, &link(&app, &ann).await, NEW).await.status, 200);
    assert_eq!(signs_in(&app, NEW).await, 200);
}

#[tokio::test]
async fn a_link_ends_after_half_an_hour_and_with_the_address_or_the_account() {
    let app = App::start().await;
    let (ann, bob, cleo) = (app.user("ann").await, app.user("bob").await, app.user("cleo").await);
    let admin = app.admin().await;
    let (of_ann, of_bob, of_cleo) = (link(&app, &ann).await, link(&app, &bob).await, link(&app, &cleo).await);
    let moved = app.patch("/users/me").by(&bob).json(&json!({"email": "bob@new.example"})).send().await;
    assert_eq!(moved.status, 200);
    let inactive = json!({"is_active": false});
    assert_eq!(app.patch(&format!("/users/{}", cleo.id)).by(&admin).json(&inactive).send().await.status, 200);
    for gone in [&of_bob, &of_cleo] {
        assert_eq!(reset(&app, gone, NEW).await.said(), (400, LINK_GONE.to_owned()));
    }
    let verification = app.mailed_link(Purpose::VerifyEmail, &ann).await.replace("verify-email", "reset-password");
    assert_eq!(reset(&app, &verification, NEW).await.said(), (400, LINK_GONE.to_owned()));
    assert_eq!(
        reset(&app, "/reset-password?token=forged", NEW).await.said(),
        (400, "This link is not valid".to_owned())
    );
    app.pass(SignedDuration::from_mins(30));
    assert_eq!(reset(&app, &of_ann, NEW).await.said(), (400, "This link has expired".to_owned()));
    assert_eq!((signs_in(&app, PASSWORD).await, signs_in(&app, NEW).await), (200, 401));
}

#[tokio::test]
async fn who_knows_the_password_can_not_end_a_link_by_changing_it() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    let change = json!({"current_password": PASSWORD, "new_password": "Th1efs-password"});
    assert_eq!(app.put("/users/me/password").by(&ann).json(&change).send().await.status, 204);
    assert_eq!(reset(&app, &link, NEW).await.status, 200);
    assert_eq!((signs_in(&app, "Th1efs-password").await, signs_in(&app, NEW).await), (401, 200));
}

#[tokio::test]
async fn of_many_who_use_a_link_at_once_one_sets_the_password() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    let passwords = ["Passw0rd-a", "Passw0rd-b", "Passw0rd-c", "Passw0rd-d"];
    let resets = passwords.map(|password| reset(&app, &link, password));
    let answers = futures_util::future::join_all(resets).await;
    let mut set = None;
    for (answer, password) in answers.iter().zip(passwords) {
        if answer.status == 200 {
            assert_eq!(set.replace(password), None, "one");
        } else {
            assert_eq!(answer.status, 400);
        }
    }
    for password in passwords {
        assert_eq!(signs_in(&app, password).await == 200, set == Some(password), "{password}");
    }
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let app = App::start().await;
    app.user("ann").await;
    let promised = app.promised_letters().await.len();
    app.pass(SignedDuration::from_secs(1));
    let known = forget(&app, "ann@example.com").await;
    app.pass(SignedDuration::from_secs(1));
    let unknown = forget(&app, "nobody@example.com").await;
    for answer in [&known, &unknown] {
        assert_eq!((answer.status, &answer.body), (202, &json!({"message": SENT})));
    }
    let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&known), names(&unknown));
    let letters = app.promised_letters().await;
    assert_eq!(letters.len(), promised + 2, "both are promised alike");
    for (letter, email) in letters[promised..].iter().zip(["ann@example.com", "nobody@example.com"]) {
        assert_eq!(letter.to.as_str(), email);
        assert!(matches!(letter.content, Content::PasswordReset { .. }));
    }
    let mine = app.get("/jobs").by(&app.sign_in("ann", PASSWORD).await).send().await;
    assert_eq!(mine.ids().len(), 1, "the owner of the address sees the welcome and not who asks");
}

#[tokio::test]
async fn nobodys_mailbox_is_flooded_and_whoever_tries_is_not_told() {
    let settings = [("STRICT_LIMITS", "true"), ("RATE_LIMITS", "mailbox=2/3600")];
    let app = App::start_with(&[settings[0], settings[1], ("CLIENT_ADDRESS_HEADER", "x-forwarded-for")]).await;
    for from in 1..=4 {
        let email = if from % 2 == 0 { "ann@example.com" } else { "ANN@Example.com" };
        let asked = app.post("/forgot-password").form(&[("email", email)]);
        let answer = asked.header("x-forwarded-for", &format!("192.0.2.{from}")).send().await;
        assert_eq!((answer.status, answer.text("/message")), (202, SENT.to_owned()));
    }
    assert_eq!(app.promised_letters().await.len(), 2);
    assert_eq!(forget(&app, "bob@example.com").await.status, 202);
    assert_eq!(app.promised_letters().await.len(), 3, "others are not concerned");
    app.pass(SignedDuration::from_hours(1));
    forget(&app, "ann@example.com").await;
    assert_eq!(app.promised_letters().await.len(), 4);
}

#[tokio::test]
async fn asking_for_mail_has_its_limit() {
    let app = App::start_with(&[("STRICT_LIMITS", "true"), ("RATE_LIMITS", "mail=2/3600")]).await;
    let mut statuses = Vec::new();
    for name in ["ann", "bob", "cleo"] {
        statuses.push(forget(&app, &format!("{name}@example.com")).await.status);
    }
    assert_eq!(statuses, [202, 202, 429]);
}

#[tokio::test]
async fn both_pages_are_forms_that_password_managers_understand() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    for (path, field) in [
        ("/forgot-password", r#"<input id="email" name="email" type="email" autocomplete="username" required>"#),
        (&link, r#"<input id="password" name="password" type="password" autocomplete="new-password" required>"#),
    ] {
        let page = app.get(path).as_browser().send().await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(page.raw.contains(field) && page.raw.contains("<label for="), "{}", page.raw);
        assert!(!page.raw.contains("<script"), "nothing is in the way of pasting");
        let policy = page.header("content-security-policy").unwrap();
        for rule in ["default-src 'none';", "form-action 'self';", "base-uri 'none';", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule), "{rule} {policy}");
        }
        assert_eq!(
            (page.header("referrer-policy"), page.header("cache-control")),
            (Some("no-referrer"), Some("no-store"))
        );
    }
    let weak = app.post(&link).as_browser().form(&[("password", "short")]).send().await;
    assert_eq!(weak.status, 422);
    assert!(weak.raw.contains("<p>String should have at least 8 characters</p>"), "{}", weak.raw);
    assert!(!weak.raw.contains("short<"), "{}", weak.raw);
    let done = app.post(&link).as_browser().form(&[("password", NEW)]).send().await;
    assert!(done.status == 200 && done.raw.contains(r#"<a href="/api/v1/login">"#), "{}", done.raw);
    assert_eq!(signs_in(&app, NEW).await, 200);
}

#[tokio::test]
async fn a_password_that_breaks_the_rules_is_refused_and_uses_nothing_up() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    let faults = reset(&app, &link, "lowercase").await;
    assert_eq!((faults.status, faults.faults()), (422, vec!["value_error body.password".to_owned()]));
    assert!(!faults.raw.contains("lowercase\""), "{}", faults.raw);
    let missing = app.post("/reset-password").json(&json!({})).send().await;
    assert_eq!(missing.faults(), ["missing query.token", "missing body.password"]);
    for body in [json!({"email": "no address"}), json!({}), Value::Null] {
        assert_eq!(app.post("/forgot-password").json(&body).send().await.status, 422, "{body}");
    }
    assert_eq!(reset(&app, &link, NEW).await.status, 200);
}

#[tokio::test]
async fn nobody_chooses_where_a_link_leads() {
    let app = App::start_with(&[("ALLOWED_HOSTS", "api.example.com *.example.org")]).await;
    let ask = |host: &str| {
        let asked = app.post("/forgot-password").json(&json!({"email": "ann@example.com"}));
        asked.header("host", host)
    };
    for host in
        ["evil.example", "evil.example/.example.org", "api.example.com@evil.example", "evil.example?.example.org"]
    {
        let answer = ask(host).header("x-forwarded-proto", "https").send().await;
        let led_to: Vec<_> = app.promised_letters().await.into_iter().map(|letter| letter.base_url).collect();
        assert!(led_to.iter().all(|url| !url.contains("evil")), "{host} {} {led_to:?}", answer.status);
    }
    let before = app.promised_letters().await.len();
    let own = [
        ("api.example.com", "https", "https://api.example.com"),
        ("www.example.org:8443", "http", "http://www.example.org:8443"),
        ("api.example.com", "https://evil.example/?", "https://api.example.com"),
        ("api.example.com", "javascript", "https://api.example.com"),
    ];
    for (host, scheme, _) in own {
        app.pass(SignedDuration::from_secs(1));
        let asked = ask(host).header("x-forwarded-proto", scheme).header("x-forwarded-host", "evil.example");
        assert_eq!(asked.header("forwarded", "host=evil.example").send().await.status, 202);
    }
    let led_to: Vec<_> =
        app.promised_letters().await.split_off(before).into_iter().map(|letter| letter.base_url).collect();
    assert_eq!(led_to, own.map(|(_, _, url)| url));
    // A line feed ends no header field that could be sent: the library that reads requests takes none.
    assert!(axum::http::HeaderValue::from_str("api.example.com\r\nX: y").is_err());
}

#[tokio::test]
async fn neither_token_nor_password_nor_address_stands_in_a_log_line() {
    log::start();
    let app = App::start().await;
    let ann = app.user("ann").await;
    let link = link(&app, &ann).await;
    let token = link.split_once('=').unwrap().1;
    let _ = log::lines();
    forget(&app, "ann@example.com").await;
    app.get(&link).send().await;
    reset(&app, &link, "weak").await;
    reset(&app, &link, NEW).await;
    let lines = json!(log::lines()).to_string();
    assert!(lines.contains("/api/v1/reset-password") && lines.contains("/api/v1/forgot-password"), "{lines}");
    for secret in [token, NEW, "weak", "ann@example.com"] {
        assert!(!lines.contains(secret), "{lines}");
    }
    let jobs = app.client.scan().table_name("JobsTable").send().await.unwrap();
    assert!(!format!("{:?}", jobs.items()).contains(token));
}
