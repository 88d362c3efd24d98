//! Accounts where sign-in is hardened: what then holds besides, or instead.

use jiff::SignedDuration;
use peregrine_core::one_time::Purpose;
use peregrine_core::scope::{Scope, Scopes};
use peregrine_core::user::UniqueName;
use serde_json::{Value, json};
use tests::app::{ADMIN_EMAIL, App, PASSWORD, TOO_LONG_AGO};
use tests::client::{Account, Answer};

async fn start() -> App {
    App::start_with(&[("HARDENED", "true")]).await
}

async fn user(app: &App, name: &str) -> Account {
    app.account(name, Scopes::of_new_user()).await
}

async fn admin(app: &App) -> Account {
    app.account("boss", Scopes::from_iter(Scope::ALL)).await
}

const SOUND: &str = "correct horse battery staple";

async fn sign_up(app: &App, email: &str, username: &str) -> Answer {
    app.post("/users").json(&json!({"email": email, "username": username, "password": SOUND})).send().await
}

async fn sign_in_status(app: &App, name: &str, password: &str) -> u16 {
    app.post("/token").form(&[("username", name), ("password", password)]).send().await.status
}

async fn patch(app: &App, caller: &Account, body: Value) -> Answer {
    app.patch("/users/me").by(caller).json(&body).send().await
}

/// Follows the link in the mail that asks to confirm an address.
async fn confirm(app: &App, id: &str, email: &str) -> u16 {
    let addressee =
        Account { id: id.to_owned(), username: String::new(), email: email.to_owned(), token: String::new() };
    let link = app.mailed_link(Purpose::VerifyEmail, &addressee).await;
    app.post(&link).send().await.status
}

/// The message of the one fault, and its place.
fn fault(answer: &Answer) -> (String, String) {
    assert_eq!((answer.status, answer.body["detail"].as_array().map(Vec::len)), (422, Some(1)), "{answer:?}");
    assert!(!answer.raw.contains("horse") && !answer.raw.contains(PASSWORD), "{}", answer.raw);
    (answer.faults().remove(0), answer.text("/detail/0/msg"))
}

#[tokio::test]
async fn a_common_password_is_reported_with_all_other_faults_and_not_shown() {
    let app = start().await;
    let new = json!({"email": "none", "username": "ann@example.com", "password": "Passw0rd"});
    let refused = app.post("/users").json(&new).send().await;
    assert_eq!(
        refused.faults(),
        ["value_error body.email", "value_error body.username", "value_error body.password"],
        "{refused:?}"
    );
    assert!(!refused.raw.contains("Passw0rd"), "{}", refused.raw);
    assert_eq!(refused.text("/detail/2/msg"), "Value error, Password is among those that are used most often");
}

#[tokio::test]
async fn a_password_may_be_composed_of_anything() {
    let app = start().await;
    assert_eq!(sign_up(&app, "ann@example.com", "ann").await.status, 202);
    let plain = App::start().await;
    assert_eq!(sign_up(&plain, "ann@example.com", "ann").await.status, 422, "elsewhere the guides' rule holds");
}

#[tokio::test]
async fn a_password_is_not_made_of_the_names_around_it() {
    let app = start().await;
    let refused = "Value error, Password must have 8 characters besides your names, your address and the name of the \
                   service";
    let new = json!({"email": "a.miller@widgets.example", "username": "annie", "password": "Annie-Widgets-2026"});
    let answer = app.post("/users").json(&new).send().await;
    assert_eq!(fault(&answer), ("value_error body.password".to_owned(), refused.to_owned()));
    assert_eq!(answer.text("/detail/0/input"), "**********");

    let ann = user(&app, "annette").await;
    let renamed = json!({"username": "horsebattery", "password": "1 HORSEBATTERY 2", "current_password": PASSWORD});
    assert_eq!(fault(&patch(&app, &ann, renamed).await).0, "value_error body.password", "the new name counts");
    let body = json!({"current_password": PASSWORD, "new_password": "annette-peregrine"});
    let changed = app.put("/users/me/password").by(&ann).json(&body).send().await;
    assert_eq!(fault(&changed).0, "value_error body.new_password");
}

#[tokio::test]
async fn no_change_and_no_reset_takes_a_common_password_or_the_names_around_it() {
    let app = start().await;
    let ann = user(&app, "annette").await;
    let link = app.mailed_link(Purpose::ResetPassword, &ann).await;
    for refused in ["Passw0rd", "QWERTYUIOP", "annette-peregrine"] {
        let change = json!({"password": refused, "current_password": PASSWORD});
        assert_eq!(fault(&patch(&app, &ann, change).await).0, "value_error body.password", "{refused}");
        let change = json!({"current_password": PASSWORD, "new_password": refused});
        let changed = app.put("/users/me/password").by(&ann).json(&change).send().await;
        assert_eq!(fault(&changed).0, "value_error body.new_password", "{refused}");
        let reset = app.post(&link).json(&json!({"password": refused})).send().await;
        assert_eq!(fault(&reset).0, "value_error body.password", "{refused}");
    }
    let reset = app.post(&link).json(&json!({"password": SOUND})).send().await;
    assert_eq!(reset.status, 200, "what was refused has used nothing up");
    assert_eq!(sign_in_status(&app, "annette", SOUND).await, 200);
}

#[tokio::test]
async fn a_sign_up_does_not_tell_whether_the_address_has_an_account() {
    let app = start().await;
    user(&app, "known").await;
    let free = sign_up(&app, "free@example.com", "first").await;
    let known = sign_up(&app, "Known@example.com", "second").await;
    let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((free.status, &free.raw, names(&free)), (known.status, &known.raw, names(&known)));
    assert_eq!((free.status, free.header("location")), (202, None));
    assert_eq!(free.text("/message"), "Check your mail: we have written to this address");

    for (username, name) in [("first", "free@example.com"), ("second", "known@example.com")] {
        for name in [username, name] {
            assert_eq!(sign_in_status(&app, name, SOUND).await, 401, "{name} is not confirmed");
        }
        let again = sign_up(&app, "third@example.com", username).await;
        assert_eq!(again.status, 409, "{username} is taken in both cases");
    }
    let told = app.letters().await;
    let expected = [("Known@example.com", "already_registered"), ("free@example.com", "confirm")];
    assert_eq!(told, expected.map(|(to, said)| (to.to_owned(), said.to_owned())), "only the mails' readers learn it");
}

#[tokio::test]
async fn a_sign_up_makes_the_same_calls_whether_or_not_the_address_has_an_account() {
    let app = start().await;
    user(&app, "known").await;
    let mut made = Vec::new();
    for (email, username) in [("free@example.com", "first"), ("known@example.com", "second")] {
        app.calls.record();
        sign_up(&app, email, username).await;
        made.push(app.calls.stop());
    }
    let expected = [
        ["UpdateItem RateLimits"],
        ["UpdateItem RateLimits"],
        ["GetItem Users"],
        ["TransactWriteItems Audit + Jobs + 3 Users"],
        ["SendMessage EmailQueue"],
    ];
    for cost in &made {
        assert_eq!(cost.calls(), expected, "{cost:?}");
    }
}

#[tokio::test]
async fn a_taken_username_is_told_whoever_has_the_address() {
    let app = start().await;
    user(&app, "ann").await;
    for email in ["ann@example.com", "free@example.com"] {
        for username in ["Ann", "admin"] {
            let answer = sign_up(&app, email, username).await;
            assert_eq!((answer.status, answer.text("/detail")), (409, "User already exists".to_owned()));
        }
    }
    assert_eq!(sign_up(&app, "root@example.com", "other").await.status, 202, "nor is the first admin's address told");
}

#[tokio::test]
async fn who_confirms_the_address_can_sign_in() {
    let app = start().await;
    sign_up(&app, "ann@example.com", "ann").await;
    let id = app.users().id_of(&UniqueName::of("ann")).await.unwrap().unwrap();
    assert_eq!(sign_in_status(&app, "ann", SOUND).await, 401);
    assert_eq!(confirm(&app, &id.to_string(), "ann@example.com").await, 200);
    assert_eq!(sign_in_status(&app, "ann", SOUND).await, 200);
}

#[tokio::test]
async fn a_sign_up_that_is_sent_again_is_done_once_in_both_cases() {
    let app = start().await;
    user(&app, "known").await;
    for email in ["known@example.com", "free@example.com"] {
        let key = format!("key of {email}");
        let body = json!({"email": email, "username": &email[..4], "password": SOUND});
        let send = |body: &Value| app.post("/users").header("idempotency-key", &key).json(body).send();
        let (first, again) = (send(&body).await, send(&body).await);
        assert_eq!((first.status, first.header("idempotent-replayed")), (202, None), "{email}");
        assert_eq!((again.status, again.header("idempotent-replayed")), (202, Some("true")), "{email}");
        assert_eq!(first.raw, again.raw);
        let other = json!({"email": email, "username": "other", "password": SOUND});
        assert_eq!(send(&other).await.status, 422, "{email}");
    }
    assert_eq!(app.letters().await.len(), 2);
}

#[tokio::test]
async fn of_racing_sign_ups_of_one_address_all_are_answered_alike_and_one_makes_the_account() {
    let app = start().await;
    let racers = ["one", "two", "three", "four"].map(|name| sign_up(&app, "race@example.com", name));
    let answers = futures_util::future::join_all(racers).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    let told = app.letters().await;
    assert_eq!(told.iter().filter(|(_, said)| said == "confirm").count(), 1, "{told:?}");
    assert_eq!(told.len(), 4, "{told:?}");
}

#[tokio::test]
async fn an_admin_is_told_whether_an_address_has_an_account() {
    let app = start().await;
    let admin = admin(&app).await;
    let create = async |email: &str, username: &str, token: &str| {
        let new = json!({"email": email, "username": username, "password": SOUND});
        app.post("/users").bearer(token).json(&new).send().await
    };
    let created = create("ann@example.com", "ann", &admin.token).await;
    assert_eq!((created.status, created.text("/username")), (201, "ann".to_owned()));
    let (action, actor, _) = app.events_of(&created.text("/id")).await.remove(0);
    assert_eq!((action.as_str(), actor), ("signed_up", admin.id.clone()));
    assert_eq!(create("ann@example.com", "other", &admin.token).await.status, 409);
    let bob = user(&app, "bob").await;
    assert_eq!(create("ann@example.com", "third", &bob.token).await.status, 202, "others are told nothing");
    assert_eq!(create("ann@example.com", "fourth", "no.token.ofours").await.status, 401);
}

#[tokio::test]
async fn a_new_password_or_address_takes_the_current_password() {
    let app = start().await;
    for (name, change) in [("ann", json!({"password": SOUND})), ("bob", json!({"email": "new@example.com"}))] {
        let account = user(&app, name).await;
        let with = |current: &str| {
            let mut body = change.clone();
            body["current_password"] = current.into();
            body
        };
        let missing = patch(&app, &account, change.clone()).await;
        assert_eq!(missing.faults(), ["missing body.current_password"], "{change}");
        let (place, said) = fault(&patch(&app, &account, with("wrong horse")).await);
        assert_eq!(
            (place.as_str(), said.as_str()),
            ("value_error body.current_password", "Value error, The current password is wrong")
        );
        assert_eq!(patch(&app, &account, with(PASSWORD)).await.status, 200, "{change}");
    }
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_is_no_common_one() {
    let app = start().await;
    let ann = user(&app, "ann").await;
    let set = async |caller: &Account, password: &str, current: &str| {
        patch(&app, caller, json!({"password": password, "current_password": current})).await
    };
    assert_eq!(set(&ann, SOUND, PASSWORD).await.status, 200);
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 401);
    let ann = app.session_of(&ann).await;
    assert_eq!(fault(&set(&ann, PASSWORD, SOUND).await).0, "value_error body.password");
}

#[tokio::test]
async fn a_reset_sets_no_common_password_and_none_made_of_the_users_names() {
    let app = start().await;
    let ann = user(&app, "annette").await;
    let link = app.mailed_link(Purpose::ResetPassword, &ann).await;
    let reset = async |password: &str| app.post(&link).json(&json!({"password": password})).send().await;
    for password in ["Passw0rd", "annette-peregrine"] {
        let refused = reset(password).await;
        assert_eq!(fault(&refused).0, "value_error body.password", "{password}");
        assert!(!refused.raw.contains(password), "{}", refused.raw);
    }
    assert_eq!(sign_in_status(&app, "annette", PASSWORD).await, 200, "the old one holds");
    assert_eq!(reset(SOUND).await.status, 200, "and the link was not used up");
    assert_eq!(sign_in_status(&app, "annette", SOUND).await, 200);
}

#[tokio::test]
async fn other_changes_take_no_password() {
    let app = start().await;
    let ann = user(&app, "ann").await;
    assert_eq!(patch(&app, &ann, json!({"age": 41, "full_name": "Ann"})).await.status, 200);
}

#[tokio::test]
async fn a_new_username_takes_the_current_password() {
    let app = start().await;
    let ann = user(&app, "ann").await;
    let renamed = async |name: &str, current: Option<&str>| {
        let change = json!({"username": name, "current_password": current});
        patch(&app, &ann, change).await
    };
    assert_eq!(renamed("anna", None).await.faults(), ["missing body.current_password"]);
    assert_eq!(renamed("anna", Some("Wr0ngPassword")).await.faults(), ["value_error body.current_password"]);
    assert_eq!(renamed("a@b", Some(PASSWORD)).await.faults(), ["value_error body.username"]);
    assert_eq!(renamed("anna", Some(PASSWORD)).await.text("/username"), "anna");
}

#[tokio::test]
async fn an_address_that_is_kept_for_the_first_administrator_becomes_nobody_elses() {
    let app = start().await;
    let ann = user(&app, "ann").await;
    let change = json!({"email": ADMIN_EMAIL, "current_password": PASSWORD});
    let asked = patch(&app, &ann, change).await;
    assert_eq!(asked.status, 200, "to refuse it would tell whose address it is");
    assert_eq!(confirm(&app, &ann.id, ADMIN_EMAIL).await, 400);
    assert_eq!(app.admin().await.email, ADMIN_EMAIL);
}

#[tokio::test]
async fn an_address_changes_once_its_owner_confirms_it() {
    let app = start().await;
    let ann = user(&app, "ann").await;
    let change = json!({"email": "new@example.com", "current_password": PASSWORD});
    let asked = patch(&app, &ann, change.clone()).await;
    assert_eq!((asked.status, asked.text("/email")), (200, "ann@example.com".to_owned()));
    assert_eq!(asked.body["is_verified"], true);
    let told = [("ann@example.com", "email_changed"), ("new@example.com", "confirm")];
    assert_eq!(app.letters().await, told.map(|(to, said)| (to.to_owned(), said.to_owned())));

    assert_eq!(confirm(&app, &ann.id, "other@example.com").await, 400, "an address that was not named");
    assert_eq!(confirm(&app, &ann.id, "new@example.com").await, 200);
    let me = app.get("/users/me").by(&ann).send().await;
    assert_eq!((me.text("/email"), &me.body["is_verified"]), ("new@example.com".to_owned(), &json!(true)));
    assert_eq!(sign_in_status(&app, "new@example.com", PASSWORD).await, 200);
    assert_eq!(sign_in_status(&app, "ann@example.com", PASSWORD).await, 401, "the old address is free");
    assert_eq!(confirm(&app, &ann.id, "ann@example.com").await, 400);

    patch(&app, &ann, change.clone()).await;
    assert_eq!(app.stored(&ann).await.pending_email, None, "it is the address already");
}

#[tokio::test]
async fn an_address_that_somebody_has_is_told_to_nobody_but_its_owner() {
    let app = start().await;
    let (ann, _bob) = (user(&app, "ann").await, user(&app, "bob").await);
    let change = async |email: &str| patch(&app, &ann, json!({"email": email, "current_password": PASSWORD})).await;
    let (taken, free) = (change("bob@example.com").await, change("free@example.com").await);
    let without_time = |answer: &Answer| {
        let mut body = answer.body.clone();
        body["updated_at"] = Value::Null;
        body
    };
    assert_eq!((taken.status, without_time(&taken)), (free.status, without_time(&free)));
    change("bob@example.com").await;
    assert_eq!(confirm(&app, &ann.id, "bob@example.com").await, 409, "who reads Bob's mail may know");
    assert_eq!(app.get("/users/me").by(&ann).send().await.text("/email"), "ann@example.com");
}

#[tokio::test]
async fn a_replacement_takes_the_current_password_and_keeps_it() {
    let app = start().await;
    let hasher = peregrine_core::password::PasswordHasher::new(peregrine_core::random::Random::system());
    let hash = hasher.hash(SOUND.into()).await.unwrap();
    let ann = app.account_with("ann", Scopes::of_new_user(), &hash).await;
    let replace = async |password: &str| {
        let new = json!({"email": "ann@example.com", "username": "anna", "password": password});
        app.put(&format!("/users/{}", ann.id)).by(&ann).json(&new).send().await
    };
    let (place, _) = fault(&replace("another horse, another staple").await);
    assert_eq!(place, "value_error body.password");
    let replaced = replace(SOUND).await;
    assert_eq!((replaced.status, replaced.text("/username")), (200, "anna".to_owned()));
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200, "sessions go on");
    assert_eq!(sign_in_status(&app, "anna", SOUND).await, 200);
    let happened: Vec<_> = app.events_of(&ann.id).await.into_iter().map(|(action, ..)| action).collect();
    assert!(!happened.contains(&"password_changed".to_owned()), "{happened:?}");
}

#[tokio::test]
async fn an_admin_chooses_nobody_elses_password() {
    let app = start().await;
    let (ann, admin) = (user(&app, "ann").await, admin(&app).await);
    let path = format!("/users/{}", ann.id);
    assert_eq!(app.patch(&path).by(&admin).json(&json!({"password": SOUND})).send().await.status, 403);
    let address = json!({"email": "boss@example.com"});
    assert_eq!(app.patch(&path).by(&admin).json(&address).send().await.status, 403, "nor where a link is sent to");
    let new = json!({"email": "ann@example.com", "username": "ann", "password": SOUND});
    assert_eq!(app.put(&path).by(&admin).json(&new).send().await.status, 403);
    assert_eq!(app.patch(&path).by(&admin).json(&json!({"is_active": false})).send().await.status, 200);
}

#[tokio::test]
async fn to_change_rights_an_admin_must_have_signed_in_lately_and_a_key_will_not_do() {
    let app = start().await;
    let (ann, admin) = (user(&app, "ann").await, admin(&app).await);
    let key = json!({"name": "robot", "scopes": ["admin"]});
    let key = app.post("/users/me/api-keys").by(&admin).json(&key).send().await.text("/key");
    app.pass(SignedDuration::from_mins(16));
    for change in [json!({"scopes": ["users:read"]}), json!({"is_active": false})] {
        for path in [format!("/users/{}", ann.id), "/users/me".to_owned()] {
            let late = app.patch(&path).by(&admin).json(&change).send().await;
            assert_eq!((late.status, late.header("www-authenticate")), (401, Some(TOO_LONG_AGO)), "{path} {change}");
            let by_key = app.patch(&path).header("x-api-key", &key).json(&change).send().await;
            assert_eq!(by_key.status, 403, "{path} {change}");
        }
    }
    let admin = app.session_of(&admin).await;
    let change = app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&json!({"is_active": false}));
    assert_eq!(change.send().await.status, 200);
}

#[tokio::test]
async fn to_change_a_name_or_the_password_one_must_have_signed_in_lately() {
    let app = start().await;
    let (ann, admin) = (user(&app, "ann").await, admin(&app).await);
    app.pass(SignedDuration::from_mins(16));
    let own = format!("/users/{}", ann.id);
    let put = json!({"current_password": PASSWORD, "new_password": SOUND});
    let patch = |name: &str, value: &str| json!({name: value, "current_password": PASSWORD});
    let whole = json!({"email": ann.email, "username": "anna", "password": PASSWORD});
    let late = [
        app.put("/users/me/password").by(&ann).json(&put),
        app.patch("/users/me").by(&ann).json(&patch("password", SOUND)),
        app.patch("/users/me").by(&ann).json(&patch("email", "anna@example.com")),
        app.patch(&own).by(&ann).json(&patch("username", "anna")),
        app.put(&own).by(&ann).json(&whole),
        app.patch(&own).by(&admin).json(&json!({"username": "anna"})),
    ];
    for call in late {
        let refused = call.send().await;
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some(TOO_LONG_AGO)), "{refused:?}");
    }
    let named = app.patch("/users/me").by(&ann).json(&json!({"full_name": "Ann"})).send().await;
    assert_eq!(named.status, 200, "nobody signs in with that");
    let ann = app.session_of(&ann).await;
    assert_eq!(app.patch("/users/me").by(&ann).json(&patch("username", "anna")).send().await.status, 200);
    assert_eq!(app.put("/users/me/password").by(&ann).json(&put).send().await.status, 204);
}

#[tokio::test]
async fn what_changes_how_somebody_signs_in_takes_a_sign_in_of_the_last_quarter_of_an_hour() {
    let app = start().await;
    let admin = admin(&app).await;
    app.pass(SignedDuration::from_mins(15));
    assert_eq!(app.post("/users/me/totp").by(&admin).send().await.status, 409, "it is time yet, and there is one");
    app.pass(SignedDuration::from_secs(1));
    assert_eq!(app.post("/users/me/totp").by(&admin).send().await.status, 401);
    assert_eq!(app.get("/users/me").by(&admin).send().await.status, 200, "the rest goes on");
}
