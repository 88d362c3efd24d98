//! What owners of accounts are told by mail of what happens to how they sign in. Mails about passwords and addresses
//! are tested where those change.

use jiff::SignedDuration;
use peregrine_core::scope::Scopes;
use serde_json::json;
use tests::app::{App, PASSWORD};
use tests::client::Account;
use totp_rs::Totp;

/// Sets a second factor up and removes it, and has a refresh token of Ann's stolen.
async fn change_everything(app: &App, ann: &Account) {
    let device = Totp::from_url(app.post("/users/me/totp").by(ann).send().await.text("/uri")).unwrap();
    let shown = || device.generate(u64::try_from(app.now().as_second()).unwrap()).to_string();
    let confirm = app.post("/users/me/totp/confirm").by(ann).json(&json!({"otp": shown()}));
    assert_eq!(confirm.send().await.status, 200);

    let sign_in = async || {
        app.pass(SignedDuration::from_secs(30));
        let form = [("username", "ann"), ("password", PASSWORD), ("otp", &shown())];
        app.post("/token").form(&form).send().await
    };
    let session = sign_in().await;
    for status in [200, 400] {
        let form = [("refresh_token", &*session.text("/refresh_token"))];
        assert_eq!(app.post("/token/refresh").form(&form).send().await.status, status);
        app.pass(SignedDuration::from_secs(11));
    }
    let session = sign_in().await;
    app.pass(SignedDuration::from_secs(30));
    let disable = app.post("/users/me/totp/disable").bearer(&session.text("/access_token"));
    assert_eq!(disable.json(&json!({"otp": shown()})).send().await.status, 204);
}

#[tokio::test]
async fn an_owner_is_told_of_a_changed_second_factor_and_a_stolen_token() {
    let app = App::start().await;
    let ann = app.account("ann", Scopes::of_new_user()).await;
    change_everything(&app, &ann).await;
    let told = ["refresh_token_reused", "second_factor_disabled", "second_factor_enabled"];
    assert_eq!(app.letters().await, told.map(|said| ("ann@example.com".to_owned(), said.to_owned())));
}

#[tokio::test]
async fn a_new_username_is_told_to_the_address() {
    let app = App::start().await;
    let ann = app.account("ann", Scopes::of_new_user()).await;
    for _ in 0..2 {
        let renamed = app.patch("/users/me").by(&ann).json(&json!({"username": "anna"})).send().await;
        assert_eq!(renamed.status, 200);
    }
    assert_eq!(app.letters().await, [("ann@example.com".to_owned(), "username_changed".to_owned())], "once");
}

#[tokio::test]
async fn nobody_buries_one_warning_under_others() {
    let app = App::start_with(&[("STRICT_LIMITS", "true"), ("RATE_LIMITS", "mail=3/3600")]).await;
    let ann = app.account("ann", Scopes::of_new_user()).await;
    let mut statuses = Vec::new();
    for number in 0..4 {
        let renamed = app.patch("/users/me").by(&ann).json(&json!({"username": format!("ann{number}")}));
        statuses.push(renamed.send().await.status);
    }
    assert_eq!((statuses, app.letters().await.len()), (vec![200, 200, 200, 429], 3));
}

#[tokio::test]
async fn whoever_has_got_hold_of_an_account_can_not_call_off_what_its_owner_is_told() {
    let app = App::start().await;
    let ann = app.account("ann", Scopes::of_new_user()).await;
    let moved = json!({"email": "mallory@example.com"});
    assert_eq!(app.patch("/users/me").by(&ann).json(&moved).send().await.status, 200);
    let told = [("ann@example.com", "email_changed"), ("mallory@example.com", "confirm")];
    assert_eq!(app.letters().await, told.map(|(to, said)| (to.to_owned(), said.to_owned())));
    let own = app.get("/jobs").by(&ann).send().await;
    assert_eq!(own.body.as_array().unwrap().len(), 1, "the mail that was asked for, not the one that warns");
    let jobs = app.client.scan().table_name("JobsTable").send().await.unwrap().items.unwrap();
    let mut ids = jobs.iter().map(|job| job["id"].as_s().unwrap());
    let notice = ids.find(|id| **id != own.text("/0/id")).unwrap();
    assert_eq!(app.delete(&format!("/jobs/{notice}")).by(&ann).send().await.status, 404);
}

#[tokio::test]
async fn an_address_that_is_not_confirmed_is_told_nothing() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    change_everything(&app, &ann).await;
    let asked = [("ann@example.com".to_owned(), "confirm".to_owned())];
    assert_eq!(app.letters().await, asked, "it may be a stranger's");
}
