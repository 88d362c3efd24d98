//! Accounts.

use serde_json::json;
use tests::app::{App, PASSWORD};

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
