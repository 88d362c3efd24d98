//! Accounts.

use peregrine_core::one_time::Purpose;
use peregrine_core::scope::Scopes;
use peregrine_core::table::ConditionalWriteError;
use serde_json::{Value, json};
use tests::app::{App, OUTDATED_HASH, PASSWORD};
use tests::client::{Account, Answer};
use uuid::Uuid;

async fn change_password(app: &App, caller: &Account, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    app.put("/users/me/password").by(caller).json(&body).send().await
}

/// What has happened to an account since it signed in.
async fn happened(app: &App, id: &str) -> Vec<(String, String, String)> {
    let events = app.events_of(id).await.into_iter();
    events.filter(|(action, ..)| !["signed_up", "signed_in"].contains(&action.as_str())).collect()
}

#[tokio::test]
async fn a_sign_up_answers_with_the_account_and_no_secret() {
    let app = App::start().await;
    let new = json!({
        "email": " Ann.O@Example.COM ", "username": "Ann", "password": PASSWORD, "full_name": "Ann O'Neil", "age": "41",
        "address": {"street": "1 Main", "city": "Rome", "country": "IT"}, "unknown": 1,
    });
    let answer = app.post("/users").json(&new).send().await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), Some(format!("/api/v1/users/{}", answer.text("/id")).as_str()));
    assert_eq!(answer.body["email"], "Ann.O@example.com");
    assert_eq!(answer.body["age"], 41);
    assert_eq!(answer.body["address"]["city"], "Rome");
    assert_eq!(answer.body["is_active"], true);
    assert_eq!(answer.body["is_verified"], false);
    assert_eq!(answer.body["scopes"], json!(["users:read", "users:write", "items:read", "items:write"]));
    assert!(answer.text("/created_at").ends_with('Z'));
    assert!(!answer.raw.contains("assw"), "{}", answer.raw);
}

#[tokio::test]
async fn emails_and_usernames_are_unique_in_one_namespace_whatever_their_case() {
    let app = App::start().await;
    app.user("ann").await;
    for (email, username) in
        [("ANN@example.com", "other"), ("other@example.com", "Ann"), ("other@example.com", "ann@example.com")]
    {
        let answer =
            app.post("/users").json(&json!({"email": email, "username": username, "password": PASSWORD})).send();
        let answer = answer.await;
        assert_eq!((answer.status, answer.body), (409, json!({"detail": "User already exists"})), "{email} {username}");
    }
}

#[tokio::test]
async fn of_many_racing_sign_ups_one_wins_and_the_others_get_409() {
    let app = App::start().await;
    let new = json!({"email": "race@example.com", "username": "race", "password": PASSWORD});
    let racers: Vec<_> = (0..8).map(|_| tokio::spawn(app.post("/users").json(&new).send())).collect();
    let mut statuses = Vec::new();
    for racer in racers {
        statuses.push(racer.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[201].as_slice(), &[409; 7]].concat());
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_clears_what_may_be_empty() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let patch = async |body| app.patch("/users/me").by(&ann).json(&body).send().await;
    assert_eq!(patch(json!({"full_name": "Ann", "age": 5})).await.body["full_name"], "Ann");
    let changed = patch(json!({"full_name": null, "email": null, "username": null, "password": null})).await;
    assert_eq!((changed.status, &changed.body["full_name"], &changed.body["age"]), (200, &json!(null), &json!(5)));
    assert_eq!(changed.body["email"], "ann@example.com");
    let read = app.get(&format!("/users/{}", ann.id)).by(&ann).send().await;
    assert_eq!(read.body, changed.body);
}

#[tokio::test]
async fn a_new_name_reserves_itself_and_frees_the_old_one() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let rename =
        async |name: &str| app.patch("/users/me").by(&ann).json(&json!({"username": name})).send().await.status;
    assert_eq!(rename("bob").await, 409);
    assert_eq!(rename("anna").await, 200);
    let take = app.patch("/users/me").by(&bob).json(&json!({"username": "ann"})).send().await;
    assert_eq!(take.status, 200, "the old name is free");
    assert_eq!(app.sign_in("anna", PASSWORD).await.id, ann.id);
    assert_eq!(app.sign_in("ann", PASSWORD).await.id, bob.id);
}

#[tokio::test]
async fn a_replacement_sets_everything_and_the_password() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    app.patch("/users/me").by(&ann).json(&json!({"age": 5})).send().await;
    let new = json!({"email": "new@example.com", "username": "new", "password": "NewPassw0rd"});
    let replaced = app.put(&format!("/users/{}", ann.id)).by(&ann).json(&new).send().await;
    assert_eq!((replaced.status, &replaced.body["age"]), (200, &json!(null)));
    assert_eq!(app.sign_in("new@example.com", "NewPassw0rd").await.id, ann.id);
    let old = app.post("/token").form(&[("username", "new"), ("password", PASSWORD)]).send().await;
    assert_eq!(old.status, 401);
}

#[tokio::test]
async fn racing_changes_of_one_account_are_all_made() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let (age, name) = tokio::join!(
        app.patch("/users/me").by(&ann).json(&json!({"age": 7})).send(),
        app.patch("/users/me").by(&ann).json(&json!({"full_name": "Ann"})).send(),
    );
    assert_eq!((age.status, name.status), (200, 200));
    let read = app.get("/users/me").by(&ann).send().await;
    assert_eq!((&read.body["age"], &read.body["full_name"]), (&json!(7), &json!("Ann")));
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_names_are_free() {
    let app = App::start().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let deleted = app.delete(&format!("/users/{}", ann.id)).by(&ann).send().await;
    assert_eq!((deleted.status, deleted.raw.as_str()), (204, ""));
    let read = app.get(&format!("/users/{}", ann.id)).by(&admin).send().await;
    assert_eq!((read.status, read.body), (404, json!({"detail": "User not found"})));
    assert_ne!(app.user("ann").await.id, ann.id);
}

#[tokio::test]
async fn an_admin_sets_what_an_owner_may_not() {
    let app = App::start().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    for body in [json!({"is_active": true}), json!({"scopes": ["admin"]}), json!({"scopes": null})] {
        assert_eq!(app.patch("/users/me").by(&ann).json(&body).send().await.status, 403, "{body}");
    }
    let answer = app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&json!({"scopes": ["admin"]})).send().await;
    assert_eq!((answer.status, &answer.body["scopes"]), (200, &json!(["admin"])));
    let unknown = app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&json!({"scopes": ["root"]})).send().await;
    assert_eq!(unknown.faults(), ["enum body.scopes.0"]);
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_ends_all_sessions() {
    let app = App::start().await;
    let ann = app.account("ann", Scopes::of_new_user()).await;
    let other = app.sign_in("ann", PASSWORD).await;
    let changed = change_password(&app, &ann, PASSWORD, "An0therPassword").await;
    assert_eq!((changed.status, changed.raw.as_str()), (204, ""));
    for session in [&ann, &other] {
        assert_eq!(app.get("/users/me").by(session).send().await.status, 401);
    }
    assert_eq!(app.sign_in("ann", "An0therPassword").await.id, ann.id);
    let old = app.post("/token").form(&[("username", "ann"), ("password", PASSWORD)]).send().await;
    assert_eq!(old.status, 401);
    let changed = ("password_changed".to_owned(), ann.id.clone(), String::new());
    assert!(happened(&app, &ann.id).await.contains(&changed));
    let told = ("ann@example.com".to_owned(), "password_changed".to_owned());
    assert_eq!(app.letters().await, [told]);
}

#[tokio::test]
async fn a_password_counts_as_it_was_typed_to_its_last_character() {
    let app = App::start().await;
    let password = format!(" Passwörd 1{}\u{e9} ", "x".repeat(115));
    assert_eq!(password.chars().count(), 128);
    let new = json!({"email": "ann@example.com", "username": "ann", "password": password});
    let created = app.post("/users").json(&new).send().await;
    assert_eq!(created.status, 201, "{created:?}");
    let signs_in = async |password: &str| {
        app.post("/token").form(&[("username", "ann"), ("password", password)]).send().await.status
    };
    assert_eq!(signs_in(&password).await, 200);
    for other in [
        password.trim().to_owned(),
        password.to_lowercase(),
        password.replace("d 1", "d  1"),
        password.replace('\u{e9}', "e\u{301}"),
        format!("{}x", password.trim_end()),
        password[..password.len() - 1].to_owned(),
        password.chars().take(72).collect(),
        format!("{password} "),
    ] {
        assert_eq!(signs_in(&other).await, 401, "{other:?}");
    }
}

#[tokio::test]
async fn a_wrong_current_password_is_refused_not_shown_and_kept_on_record() {
    let app = App::start().await;
    let ann = app.account("ann", Scopes::of_new_user()).await;
    let refused = change_password(&app, &ann, "Wr0ngPassword", "An0therPassword").await;
    assert_eq!(refused.faults(), ["value_error body.current_password"]);
    assert!(!refused.raw.contains("Password\"") && !refused.raw.contains("An0ther"), "{}", refused.raw);
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200, "nothing has changed");
    assert_eq!(happened(&app, &ann.id).await[0].0, "sign_in_refused");
    let both = change_password(&app, &ann, "", "short").await;
    assert_eq!(both.faults(), ["string_too_short body.new_password"], "faults come before the password is judged");
    let patch = json!({"password": "An0therPassword", "current_password": "Wr0ngPassword"});
    let patched = app.patch("/users/me").by(&ann).json(&patch).send().await;
    assert_eq!(patched.faults(), ["value_error body.current_password"], "what is sent must be right");
}

#[tokio::test]
async fn the_current_password_can_not_be_guessed_on() {
    let app = App::start_with(&[("STRICT_LIMITS", "true")]).await;
    let ann = app.account("ann", Scopes::of_new_user()).await;
    for _ in 0..10 {
        assert_eq!(change_password(&app, &ann, "Wr0ngPassword", "An0therPassword").await.status, 422);
    }
    let locked = change_password(&app, &ann, PASSWORD, "An0therPassword").await;
    assert_eq!((locked.status, locked.header("retry-after")), (429, Some("30")));
    app.pass(jiff::SignedDuration::from_secs(30));
    assert_eq!(change_password(&app, &ann, PASSWORD, "An0therPassword").await.status, 204);
    let ann = app.session_of(&ann).await;
    let forgotten = change_password(&app, &ann, "Wr0ngPassword", PASSWORD).await;
    assert_eq!(forgotten.status, 422, "success makes the failures before it forgotten");
}

#[tokio::test]
async fn of_two_racing_changes_of_a_password_one_is_made() {
    let app = App::start().await;
    let ann = app.account("ann", Scopes::of_new_user()).await;
    let (one, other) = tokio::join!(
        change_password(&app, &ann, PASSWORD, "An0therPassword1"),
        change_password(&app, &ann, PASSWORD, "An0therPassword2"),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401], "the other's session has ended");
    let events = happened(&app, &ann.id).await;
    assert_eq!(events.iter().filter(|(action, ..)| action == "password_changed").count(), 1, "{events:?}");
}

#[tokio::test]
async fn whoever_changes_an_account_is_on_record() {
    let app = App::start().await;
    let (ann, admin) = (app.account("ann", Scopes::of_new_user()).await, app.admin().await);
    let patch = async |by: &Account, body: Value| {
        let answer = app.patch(&format!("/users/{}", ann.id)).by(by).json(&body).send().await;
        assert_eq!(answer.status, 200, "{body}");
    };
    patch(&ann, json!({"email": "new@example.com", "username": "anna", "age": 41})).await;
    patch(&ann, json!({"full_name": "Anna"})).await;
    patch(&admin, json!({"scopes": ["users:read", "items:read"], "is_active": false})).await;
    patch(&admin, json!({"is_active": true, "password": "An0therPassword"})).await;
    let deleted = app.delete(&format!("/users/{}", ann.id)).by(&admin).send().await;
    assert_eq!(deleted.status, 204);
    let expected = [
        ("email_changed", &ann, ""),
        ("username_changed", &ann, ""),
        ("scopes_changed", &admin, "users:read items:read"),
        ("deactivated", &admin, ""),
        ("activated", &admin, ""),
        ("password_changed", &admin, ""),
        ("account_deleted", &admin, ""),
    ];
    let mut events = happened(&app, &ann.id).await;
    let mut expected = expected.map(|(action, by, detail)| (action.to_owned(), by.id.clone(), detail.to_owned()));
    // Those of one change have one time, so their order is open.
    events.sort();
    expected.sort();
    assert_eq!(events, expected);
}

#[tokio::test]
async fn a_new_address_is_asked_and_the_old_one_told() {
    let app = App::start().await;
    let (ann, bob) = (app.account("ann", Scopes::of_new_user()).await, app.user("bob").await);
    let patch = async |by: &Account, email: &str| {
        app.patch("/users/me").by(by).json(&json!({"email": email})).send().await.status
    };
    assert_eq!((patch(&ann, "new@example.com").await, patch(&bob, "bobby@example.com").await), (200, 200));
    let expected = [
        ("ann@example.com", "email_changed"),
        ("bob@example.com", "confirm"),
        ("bobby@example.com", "confirm"),
        ("new@example.com", "confirm"),
    ];
    let expected = expected.map(|(to, said)| (to.to_owned(), said.to_owned()));
    assert_eq!(app.letters().await, expected, "Bob's old address was never confirmed: it may be a stranger's");
}

#[tokio::test]
async fn mails_to_addresses_that_users_name_have_their_limit() {
    let app = App::start_with(&[("STRICT_LIMITS", "true"), ("RATE_LIMITS", "mail=2/3600")]).await;
    let ann = app.account("ann", Scopes::of_new_user()).await;
    let patch = async |body: Value| app.patch("/users/me").by(&ann).json(&body).send().await;
    for email in ["one@example.com", "two@example.com"] {
        assert_eq!(patch(json!({"email": email})).await.status, 200);
    }
    let refused = patch(json!({"email": "three@example.com"})).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(patch(json!({"age": 41})).await.status, 200);
}

#[tokio::test]
async fn a_reactivated_user_has_to_sign_in_again() {
    let app = App::start().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    for is_active in [false, true] {
        let body = json!({"is_active": is_active});
        let set = app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&body).send().await;
        assert_eq!(set.status, 200);
        assert_eq!(app.get("/users/me").by(&ann).send().await.status, 401, "active: {is_active}");
    }
    assert_eq!(app.sign_in("ann", PASSWORD).await.id, ann.id);
}

#[tokio::test]
async fn what_a_deleted_user_has_signed_in_with_is_deleted() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for _ in 0..30 {
        app.sign_in("ann", PASSWORD).await;
    }
    assert_eq!(app.credentials_of(&ann.id).await, 31);
    for purpose in Purpose::ALL {
        app.mailed_link(purpose, &ann).await;
    }
    assert_eq!(app.delete("/users/me").by(&ann).send().await.status, 204);
    assert_eq!((app.credentials_of(&ann.id).await, app.credentials_of(&bob.id).await), (0, 1));
    assert!(app.bytes_of("OneTimeTokensTable").await.is_empty());
}

#[tokio::test]
async fn a_kept_name_and_an_address_that_stays_use_up_no_mails() {
    let app = App::start_with(&[("RATE_LIMITS", "mailbox=1/1800")]).await;
    let (ann, bob) = (app.account("ann", Scopes::of_new_user()).await, app.user("bob").await);
    let whole = json!({"email": ann.email, "username": "ann", "password": PASSWORD});
    for _ in 0..2 {
        let kept = json!({"email": "carl@example.com", "username": "admin", "password": PASSWORD});
        assert_eq!(app.post("/users").json(&kept).send().await.status, 409);
        let replaced = app.put(&format!("/users/{}", ann.id)).by(&app.session_of(&ann).await).json(&whole).send().await;
        assert_eq!(replaced.status, 200, "no mail is asked for: {replaced:?}");
    }
    let new = json!({"email": "carl@example.com", "username": "carl", "password": PASSWORD});
    assert_eq!(app.post("/users").json(&new).send().await.status, 201);
    let moved = app.patch("/users/me").by(&bob).json(&json!({"email": "bobby@example.com"})).send().await;
    assert_eq!(moved.status, 200);
}

#[tokio::test]
async fn the_guides_names_show_the_callers_account() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let me = app.get("/users/me").by(&ann).send().await;
    for path in ["/me", "/me/", "/protected"] {
        let answer = app.get(path).by(&ann).send().await;
        assert_eq!((answer.status, &answer.body), (200, &me.body), "{path}");
        assert_eq!(answer.header("etag"), me.header("etag"), "{path}");
        assert_eq!(app.get(path).send().await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_replaced_at_the_next_sign_in() {
    let app = App::start().await;
    let ann = app.account_with("ann", Scopes::of_new_user(), OUTDATED_HASH).await;
    let hash = async || app.users().find_with_hash(Uuid::parse_str(&ann.id).ok()).await.unwrap().unwrap().password_hash;
    let wrong = app.post("/token").form(&[("username", "ann"), ("password", "Wr0ngPassword")]).send().await;
    assert_eq!((wrong.status, hash().await.as_str()), (401, OUTDATED_HASH));
    assert_eq!(app.sign_in("ann", PASSWORD).await.id, ann.id);
    let renewed = hash().await;
    assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200, "the sessions before go on");
    assert_eq!(app.sign_in("ann", PASSWORD).await.id, ann.id);
    assert_eq!(hash().await, renewed);
    let id = Uuid::parse_str(&ann.id).unwrap();
    let late = app.users().replace_hash(id, OUTDATED_HASH, "another").await;
    assert!(matches!(late, Err(ConditionalWriteError::Outdated)), "{late:?}");
}

#[tokio::test]
async fn an_api_key_takes_nobodys_account_over() {
    let app = App::start().await;
    let (ann, boss) = (app.account("ann", Scopes::of_new_user()).await, app.account("boss", admin_scopes()).await);
    for owner in [&ann, &boss] {
        let new = json!({"name": "robot", "scopes": ["users:read", "users:write"]});
        let key = app.post("/users/me/api-keys").by(owner).json(&new).send().await.text("/key");
        let own = format!("/users/{}", owner.id);
        let put = json!({"email": "other@example.com", "username": "other", "password": "An0therPassword"});
        for (method, path, body) in [
            ("PATCH", "/users/me", json!({"password": "An0therPassword", "current_password": PASSWORD})),
            ("PATCH", "/users/me", json!({"email": "other@example.com"})),
            ("PATCH", "/users/me", json!({"username": "other"})),
            ("PATCH", own.as_str(), json!({"email": "other@example.com"})),
            ("PUT", own.as_str(), put),
            ("PUT", "/users/me/password", json!({"current_password": PASSWORD, "new_password": "An0therPassword"})),
            ("DELETE", "/users/me", Value::Null),
            ("DELETE", own.as_str(), Value::Null),
        ] {
            let answer = app.call(method, path).header("x-api-key", &key).json(&body).send().await;
            assert_eq!((answer.status, answer.text("/detail").as_str()), (403, "Not enough permissions"), "{path}");
        }
        let renamed = app.patch("/users/me").header("x-api-key", &key).json(&json!({"age": 41})).send().await;
        assert_eq!(renamed.status, 200, "the rest is what keys are for");
    }
}

fn admin_scopes() -> Scopes {
    Scopes::from_iter(peregrine_core::scope::Scope::ALL)
}
