//! Where sign-in is hardened, nobody is an administrator by a password alone.

use jiff::SignedDuration;
use peregrine_core::table::Also;
use peregrine_core::user::User;
use serde_json::json;
use tests::app::{ADMIN_EMAIL, ADMIN_PASSWORD, App};
use tests::client::{Account, Answer};
use totp_rs::Totp;

/// What the first administrator has chosen instead of the generated password.
const OWN_PASSWORD: &str = "correct horse battery staple";

/// The bundle, whose first administrator has replaced the generated password.
async fn start() -> App {
    let app = App::start_with(&[("HARDENED", "true")]).await;
    let token = sign_in_with(&app, ADMIN_PASSWORD, None).await.text("/access_token");
    let change = json!({"current_password": ADMIN_PASSWORD, "new_password": OWN_PASSWORD});
    assert_eq!(app.put("/users/me/password").bearer(&token).json(&change).send().await.status, 204);
    app
}

async fn sign_in(app: &App, otp: Option<&str>) -> Answer {
    sign_in_with(app, OWN_PASSWORD, otp).await
}

async fn sign_in_with(app: &App, password: &str, otp: Option<&str>) -> Answer {
    let form = [("username", ADMIN_EMAIL), ("password", password), ("otp", otp.unwrap_or_default())];
    let sent = if otp.is_some() { form.as_slice() } else { &form[..2] };
    let answer = app.post("/token").form(sent).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn refresh(app: &App, tokens: &Answer) -> Answer {
    app.post("/token/refresh").form(&[("refresh_token", &tokens.text("/refresh_token"))]).send().await
}

/// Whether the access token lets its bearer list all users, and send notifications.
async fn rights(app: &App, tokens: &Answer) -> (bool, bool) {
    let token = tokens.text("/access_token");
    let users = app.get("/users").bearer(&token).send().await;
    let mail = json!({"email": "eve@example.com", "message": "Hello"});
    let notification = app.post("/notifications").bearer(&token).json(&mail).send().await;
    assert!(matches!((users.status, notification.status), (200 | 403, 202 | 403)), "{users:?} {notification:?}");
    (users.status == 200, notification.status == 202)
}

/// Sets a second factor up, and is what the device shows.
async fn set_up(app: &App, tokens: &Answer) -> impl Fn() -> String {
    let token = tokens.text("/access_token");
    let begun = app.post("/users/me/totp").bearer(&token).send().await;
    let device = Totp::from_url(begun.text("/uri")).unwrap();
    let shown = move || device.generate(u64::try_from(app.now().as_second()).unwrap()).to_string();
    let confirm = app.post("/users/me/totp/confirm").bearer(&token).json(&json!({"otp": shown()}));
    assert_eq!(confirm.send().await.status, 200, "what it takes to set one up is not lost");
    // A code is good once, and the next one comes half a minute later.
    app.pass(SignedDuration::from_secs(30));
    shown
}

#[tokio::test]
async fn without_a_second_factor_an_admin_is_none_neither_by_signing_in_nor_by_refreshing() {
    let app = start().await;
    let first = sign_in(&app, None).await;
    let second = refresh(&app, &first).await;
    for tokens in [&first, &second] {
        assert_eq!(tokens.text("/scope"), "users:read users:write items:read items:write");
        assert_eq!(rights(&app, tokens).await, (false, false));
    }
    for scope in ["admin", "notifications:send"] {
        let form = [("username", ADMIN_EMAIL), ("password", OWN_PASSWORD), ("scope", scope)];
        assert_eq!(app.post("/token").form(&form).send().await.status, 400, "{scope}");
        let form = [("refresh_token", &*second.text("/refresh_token")), ("scope", scope)];
        assert_eq!(app.post("/token/refresh").form(&form).send().await.status, 400, "{scope}");
    }
    let elsewhere = App::start().await;
    assert_eq!(
        rights(&elsewhere, &sign_in_with(&elsewhere, ADMIN_PASSWORD, None).await).await,
        (true, true),
        "the guides ask for none"
    );
}

#[tokio::test]
async fn with_a_second_factor_an_admin_is_one_and_stays_one_by_refreshing() {
    let app = start().await;
    let before = sign_in(&app, None).await;
    let shown = set_up(&app, &before).await;
    let first = sign_in(&app, Some(&shown())).await;
    assert_eq!(rights(&app, &first).await, (true, true));
    let second = refresh(&app, &first).await;
    assert_eq!(rights(&app, &second).await, (true, true));
}

#[tokio::test]
async fn a_session_that_began_without_a_second_factor_makes_nobody_an_admin_once_there_is_one() {
    let app = start().await;
    let before = sign_in(&app, None).await;
    let _shown = set_up(&app, &before).await;
    assert_eq!(refresh(&app, &before).await.status, 400, "to set one up ends all sessions");

    // Nor would it if the session had gone on.
    let app = start().await;
    let before = sign_in(&app, None).await;
    let me = app.get("/users/me").bearer(&before.text("/access_token")).send().await;
    let admin = Account {
        id: me.text("/id"),
        username: me.text("/username"),
        email: me.text("/email"),
        token: before.text("/access_token"),
    };
    let user = app.stored(&admin).await;
    let protected = User { has_second_factor: true, version: user.version + 1, ..user.clone() };
    app.users().update(&user, &protected, None, &Also::nothing()).await.unwrap();
    let after = refresh(&app, &before).await;
    assert_eq!((after.status, rights(&app, &after).await), (200, (false, false)));
}

#[tokio::test]
async fn the_generated_password_gives_no_admin_rights_where_sign_in_is_hardened() {
    let app = App::start_with(&[("HARDENED", "true")]).await;
    let before = sign_in_with(&app, ADMIN_PASSWORD, None).await;
    let shown = set_up(&app, &before).await;
    let with_factor = sign_in_with(&app, ADMIN_PASSWORD, Some(&shown())).await;
    let refreshed = refresh(&app, &with_factor).await;
    for tokens in [&with_factor, &refreshed] {
        assert_eq!(rights(&app, tokens).await, (false, false), "others may have read it, too");
    }
    let change = async |by: &Answer, new: &str| {
        let body = json!({"current_password": ADMIN_PASSWORD, "password": new});
        let changed = app.patch("/users/me").bearer(&by.text("/access_token")).json(&body).send().await;
        assert_eq!(changed.status, 200);
        app.pass(SignedDuration::from_secs(30));
    };
    change(&refreshed, ADMIN_PASSWORD).await;
    let same = sign_in_with(&app, ADMIN_PASSWORD, Some(&shown())).await;
    assert_eq!(rights(&app, &same).await, (false, false), "nor once it has been replaced by itself");
    change(&same, OWN_PASSWORD).await;
    assert_eq!(rights(&app, &sign_in(&app, Some(&shown())).await).await, (true, true));
}

#[tokio::test]
async fn what_the_generated_password_has_begun_before_gives_no_admin_rights_either() {
    let app = start().await;
    let before = sign_in(&app, None).await;
    let shown = set_up(&app, &before).await;
    let session = sign_in(&app, Some(&shown())).await;
    let token = session.text("/access_token");
    let key = app.post("/users/me/api-keys").bearer(&token).json(&json!({"name": "robot", "scopes": ["admin"]}));
    let key = key.send().await.text("/key");
    let lists_users = async || app.get("/users").header("x-api-key", &key).send().await.status;
    assert_eq!((rights(&app, &session).await, lists_users().await), ((true, true), 200));

    // As if sign-in had been hardened only now, and the password were still the generated one.
    let me = app.get("/users/me").bearer(&token).send().await;
    let user = app.users().find(me.text("/id").parse().unwrap()).await.unwrap().unwrap();
    let generated = User { has_generated_password: true, version: user.version + 1, ..user.clone() };
    app.users().update(&user, &generated, None, &Also::nothing()).await.unwrap();
    assert_eq!((rights(&app, &refresh(&app, &session).await).await, lists_users().await), ((false, false), 403));
}
