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
async fn an_address_that_is_not_confirmed_is_told_nothing() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    change_everything(&app, &ann).await;
    let asked = [("ann@example.com".to_owned(), "confirm".to_owned())];
    assert_eq!(app.letters().await, asked, "it may be a stranger's");
}
