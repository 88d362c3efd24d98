//! Sign-in.

use jiff::SignedDuration;
use serde_json::json;
use tests::app::{ADMIN_EMAIL, ADMIN_PASSWORD, App, PASSWORD};

#[tokio::test]
async fn a_user_signs_in_with_username_or_email_in_any_case() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for name in ["ann", "ANN", "ann@example.com", "Ann@Example.com"] {
        assert_eq!(app.sign_in(name, PASSWORD).await.id, ann.id, "{name}");
    }
}

#[tokio::test]
async fn a_token_answer_is_that_of_oauth2() {
    let app = App::start().await;
    app.user("ann").await;
    let form =
        [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "items:write admin x")];
    let answer = app.post("/token").form(&form).send().await;
    assert_eq!(answer.body["token_type"], "bearer");
    assert_eq!(answer.body["expires_in"], 1800);
    assert_eq!(answer.body["scope"], "items:write", "what the user lacks is not granted");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let again = app.post("/token").form(&form).send().await;
    for token in ["/access_token", "/refresh_token"] {
        assert_ne!(answer.text(token), again.text(token), "each sign-in has its own");
    }
}

#[tokio::test]
async fn wrong_passwords_unknown_users_and_inactive_users_get_the_same_answer() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let admin = app.admin().await;
    let sleeping = app.user("sleeping").await;
    let deactivated = app.patch(&format!("/users/{}", sleeping.id)).by(&admin).json(&json!({"is_active": false}));
    assert_eq!(deactivated.send().await.status, 200);
    for (name, password) in [(ann.username.as_str(), "Wrong0000"), ("nobody", PASSWORD), ("sleeping", PASSWORD)] {
        let answer = app.post("/token").form(&[("username", name), ("password", password)]).send().await;
        assert_eq!(answer.status, 401, "{name}");
        assert_eq!(answer.body, json!({"detail": "Incorrect username or password"}), "{name}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");
    }
}

#[tokio::test]
async fn the_first_admin_is_created_at_its_first_sign_in_only() {
    let app = App::start().await;
    let admin = app.admin().await;
    assert_eq!(admin.username, "admin");
    assert_eq!(app.sign_in("admin", ADMIN_PASSWORD).await.id, admin.id);
    let changed = app.patch("/users/me").by(&admin).json(&json!({"password": "Another1Password"})).send().await;
    assert_eq!(changed.status, 200);
    let old = app.post("/token").form(&[("username", ADMIN_EMAIL), ("password", ADMIN_PASSWORD)]).send().await;
    assert_eq!(old.status, 401, "the configured password is of no use once it has been changed");
    assert_eq!(app.sign_in(ADMIN_EMAIL, "Another1Password").await.id, admin.id);
}

#[tokio::test]
async fn the_first_admin_is_created_once_and_for_all() {
    let app = App::start().await;
    let admin = app.admin().await;
    let renamed = json!({"email": "new@example.com", "username": "renamed", "password": "Another1Password"});
    assert_eq!(app.put(&format!("/users/{}", admin.id)).by(&admin).json(&renamed).send().await.status, 200);
    let configured = || app.post("/token").form(&[("username", ADMIN_EMAIL), ("password", ADMIN_PASSWORD)]).send();
    assert_eq!(configured().await.status, 401, "a renamed administrator is not replaced");
    let admin = app.sign_in("renamed", "Another1Password").await;
    let back = app.patch("/users/me").by(&admin).json(&json!({"username": "admin"})).send().await;
    assert_eq!(back.status, 200, "an administrator may take the kept names");
    assert_eq!(app.delete("/users/me").by(&admin).send().await.status, 204);
    assert_eq!(configured().await.status, 401, "nor is a deleted one");
}

#[tokio::test]
async fn scopes_that_a_user_lacks_altogether_are_refused() {
    let app = App::start().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let request = |name: &'static str, password: &'static str, scope: &'static str| {
        app.post("/token").form(&[("username", name), ("password", password), ("scope", scope)]).send()
    };
    assert_eq!(request("ann", PASSWORD, "admin nonsense").await.status, 400);
    let promoted = app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&json!({"scopes": ["admin"]})).send().await;
    assert_eq!(promoted.status, 200);
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200, "a promotion takes nothing from a token");
    assert_eq!(request("ann", PASSWORD, "items:write").await.body["scope"], "items:write", "`admin` implies all");
}

#[tokio::test]
async fn a_name_that_nobody_can_have_is_unknown() {
    let app = App::start().await;
    for name in ["x".repeat(3000), "é".repeat(600), " ".to_owned(), "\0".to_owned(), "#".to_owned()] {
        let answer = app.post("/token").form(&[("username", &name), ("password", PASSWORD)]).send().await;
        assert_eq!(answer.status, 401, "{name}");
    }
}

#[tokio::test]
async fn two_first_sign_ins_of_the_first_admin_make_one_account() {
    let app = App::start().await;
    let (one, other) = tokio::join!(app.admin(), app.admin());
    assert_eq!(one.id, other.id);
}

#[tokio::test]
async fn nobody_else_gets_the_names_of_the_first_admin() {
    let app = App::start().await;
    for (email, username) in
        [(ADMIN_EMAIL, "somebody"), ("other@example.com", "Admin"), ("other@example.com", ADMIN_EMAIL)]
    {
        let new = json!({"email": email, "username": username, "password": PASSWORD});
        assert_eq!(app.post("/users").json(&new).send().await.status, 409, "{email} {username}");
    }
    let ann = app.user("ann").await;
    let renamed = app.patch("/users/me").by(&ann).json(&json!({"username": "admin"})).send().await;
    assert_eq!(renamed.status, 409);
}

#[tokio::test]
async fn a_token_ends_after_half_an_hour() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    app.pass(SignedDuration::from_mins(29));
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200);
    app.pass(SignedDuration::from_mins(2));
    let answer = app.get("/users/me").by(&ann).send().await;
    assert_eq!((answer.status, answer.text("/detail")), (401, "Could not validate credentials".to_owned()));
}

#[tokio::test]
async fn deactivation_and_deletion_end_a_token_at_once() {
    let app = App::start().await;
    let (admin, ann, bob) = (app.admin().await, app.user("ann").await, app.user("bob").await);
    app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&json!({"is_active": false})).send().await;
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 401);
    assert_eq!(app.delete("/users/me").by(&bob).send().await.status, 204);
    assert_eq!(app.get("/users/me").by(&bob).send().await.status, 401);
}

#[tokio::test]
async fn rights_that_a_user_loses_are_lost_to_the_token() {
    let app = App::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let scopes = json!({"scopes": ["users:read"]});
    assert_eq!(app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&scopes).send().await.status, 200);
    let created = app.post("/items").by(&ann).json(&json!({"name": "a", "price": 1})).send().await;
    assert_eq!((created.status, created.text("/detail")), (403, "Not enough permissions".to_owned()));
}

#[tokio::test]
async fn tokens_of_other_makers_are_refused() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let (header, rest) = ann.token.split_once('.').unwrap();
    let (claims, _) = rest.split_once('.').unwrap();
    for forged in [
        "a.b.c".to_owned(),
        format!("{}x", ann.token),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        "x".repeat(5000),
        String::new(),
    ] {
        let answer = app.get("/users/me").bearer(&forged).send().await;
        assert_eq!((answer.status, answer.text("/detail")), (401, "Could not validate credentials".to_owned()));
    }
    for header in ["Basic YTpi", "token"] {
        let answer = app.get("/users/me").header("authorization", header).send().await;
        assert_eq!((answer.status, answer.text("/detail")), (401, "Not authenticated".to_owned()));
    }
    assert_eq!(
        app.get("/users/me").header("authorization", &format!("BEARER  {}", ann.token)).send().await.status,
        200
    );
}

#[tokio::test]
async fn the_form_is_read_as_in_fastapi() {
    let app = App::start().await;
    app.user("ann").await;
    let faults = async |content_type: &str, body: &'static str| {
        let answer = app.post("/token").body(content_type, body).send().await;
        (answer.status, answer.faults())
    };
    let form = "application/x-www-form-urlencoded";
    assert_eq!(faults(form, "").await, (422, vec!["missing body.username".into(), "missing body.password".into()]));
    assert_eq!(faults(form, "username=ann&password=").await, (422, vec!["missing body.password".into()]));
    assert_eq!(
        faults(form, "grant_type=PASSWORD&username=a&password=b").await,
        (422, vec!["string_pattern_mismatch body.grant_type".into()])
    );
    assert_eq!(faults("application/json", "{}").await.1.len(), 2, "JSON is no form");
    let multipart = "--B\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nann\r\n--B\r\n\
                     Content-Disposition: form-data; name=\"password\"\r\n\r\nPassw0rd1\r\n--B--\r\n";
    assert_eq!(faults("multipart/form-data; boundary=B", multipart).await, (200, vec![]));
    let unfinished = multipart.strip_suffix("--B--\r\n").unwrap();
    assert_eq!(
        faults("multipart/form-data; boundary=B", unfinished).await,
        (422, vec!["missing body.password".into()]),
        "a part that nothing ends does not count"
    );
    for (content_type, body, detail) in [
        ("multipart/form-data; boundary=B", "--B\r\nno field\r\n", "Invalid multipart data."),
        ("multipart/form-data", multipart, "Missing boundary in multipart."),
    ] {
        let answer = app.post("/token").body(content_type, body).send().await;
        assert_eq!((answer.status, answer.text("/detail")), (400, detail.to_owned()));
    }
}
