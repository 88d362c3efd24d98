//! API keys.

use jiff::SignedDuration;
use peregrine_core::api_key::{ApiKey, ApiKeyHash, ApiKeyTexts, NewApiKey};
use peregrine_core::random::Random;
use peregrine_core::scope::Scopes;
use peregrine_core::table::{Also, ApiKeys, InsertApiKeyError};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tests::app::{ADMIN_EMAIL, ADMIN_PASSWORD, App, PASSWORD, SECRET, TOO_LONG_AGO};
use tests::client::{Account, Answer, Call};
use uuid::Uuid;

const PATH: &str = "/users/me/api-keys";

fn create(app: &App, owner: &Account, body: &Value) -> Call {
    app.post(PATH).by(owner).json(body)
}

async fn key_of(app: &App, owner: &Account) -> Answer {
    let created = create(app, owner, &json!({"name": "import"})).send().await;
    assert_eq!(created.status, 201, "{created:?}");
    created
}

/// Somebody who has signed in for these scopes only.
async fn limited(app: &App, (name, password): (&str, &str), scopes: &str) -> Account {
    let form = [("username", name), ("password", password), ("scope", scopes)];
    let token = app.post("/token").form(&form).send().await.text("/access_token");
    Account { id: String::new(), username: name.to_owned(), email: String::new(), token }
}

#[tokio::test]
async fn a_key_is_shown_once_and_stored_nowhere() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let created = key_of(&app, &ann).await;
    let (id, key) = (created.text("/id"), created.text("/key"));
    assert_eq!(created.header("location"), Some(format!("/api/v1{PATH}/{id}").as_str()));
    assert_eq!((created.header("cache-control"), created.header("etag")), (Some("no-store"), None));
    assert_eq!(created.text("/expires_at"), "2027-04-15T08:00:00Z", "90 days");
    let listed = app.get(PATH).by(&ann).send().await;
    let shown = json!({
        "id": id, "name": "import", "scopes": ["users:read", "users:write", "items:read", "items:write"],
        "created_at": created.text("/created_at"), "expires_at": created.text("/expires_at"),
    });
    assert_eq!(listed.body, json!([shown]));
    for table in ["CredentialsTable", "AuditTable", "IdempotencyTable"] {
        let rows = app.client.scan().table_name(table).send().await.unwrap();
        assert!(!format!("{rows:?}").contains(&key[4..]), "{table}");
    }
}

#[tokio::test]
async fn every_function_takes_a_key_in_either_header_field() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let key = key_of(&app, &ann).await.text("/key");
    for path in ["/users/me", "/jobs", PATH, "/users/me/totp"] {
        assert_eq!(app.get(path).header("x-api-key", &key).send().await.status, 200, "{path}");
        assert_eq!(app.get(path).bearer(&key).send().await.status, 200, "{path}");
    }
    let item = app.post("/items").header("x-api-key", &key).json(&json!({"name": "a", "price": 1})).send().await;
    assert_eq!((item.status, item.text("/owner_id")), (201, ann.id));
    let me = app.get("/users/me").header("x-api-key", &key).send().await;
    assert_eq!(me.header("cache-control"), Some("private, no-cache"));
    assert!(me.headers.get_all("vary").iter().any(|value| value == "X-API-Key"));
}

#[tokio::test]
async fn who_sends_two_credentials_is_nobody() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let [one, other] = [key_of(&app, &ann).await.text("/key"), key_of(&app, &ann).await.text("/key")];
    let both =
        |authorization: String| app.get("/users/me").header("x-api-key", &one).header("authorization", &authorization);
    assert_eq!(both(format!("Bearer {one}")).send().await.status, 200, "the same one");
    for authorization in
        [format!("Bearer {other}"), format!("Bearer {}", ann.token), "Basic YTpi".to_owned(), String::new()]
    {
        assert_eq!(both(authorization.clone()).send().await.status, 401, "{authorization}");
    }
    let no_key = app.get("/users/me").header("x-api-key", &ann.token).send().await;
    assert_eq!(no_key.status, 401, "an access token is no key");
}

#[tokio::test]
async fn what_is_no_key_of_ours_is_refused() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let key = key_of(&app, &ann).await.text("/key");
    let texts = ApiKeyTexts::new(&SECRET.into());
    let wish = NewApiKey { name: "x".to_owned(), scopes: None, expires_in_days: 1 };
    let made_up = ApiKey::new((ann.id.parse().unwrap(), 0), &wish, Scopes::of_new_user(), app.now(), &Random::system());
    let unknown = texts.issue(&made_up, &Random::system()).expose_secret().to_owned();
    for foreign in ["", "prg_", &key[..key.len() - 1], &format!("{key}A"), &key.replace("prg_", "PRG_"), &unknown] {
        let answer = app.get("/users/me").header("x-api-key", foreign).send().await;
        assert_eq!(
            (answer.status, answer.text("/detail")),
            (401, "Could not validate credentials".to_owned()),
            "{foreign}"
        );
        assert_eq!(app.get("/users/me").bearer(foreign).send().await.status, 401, "{foreign}");
    }
    let others = ApiKey { id: made_up.id, ..made_up };
    let held = api_keys(&app).list(others.user_id).await.unwrap();
    let hash = ApiKeyHash::of(&texts.issue(&others, &Random::system()));
    api_keys(&app).insert(&others, &hash, &held, &Also::nothing(), None).await.unwrap();
    let answer = app.get("/users/me").header("x-api-key", &unknown).send().await;
    assert_eq!(answer.status, 401, "the id of a key is not the key");
}

#[tokio::test]
async fn a_key_ends_when_it_expires_or_is_deleted_or_its_owner_is_gone() {
    let app = App::start().await;
    let (admin, ann, bob) = (app.admin().await, app.user("ann").await, app.user("bob").await);
    let is_accepted =
        async |key: &Answer| app.get("/users/me").header("x-api-key", &key.text("/key")).send().await.status == 200;
    let [first, second, of_bob] = [key_of(&app, &ann).await, key_of(&app, &ann).await, key_of(&app, &bob).await];
    let cid = app.user("cid").await;
    let of_cid = key_of(&app, &cid).await;
    let path = format!("{PATH}/{}", first.text("/id"));
    assert_eq!(app.delete(&path).by(&bob).send().await.status, 404, "to others it does not exist");
    assert_eq!(app.delete(&path).by(&ann).send().await.status, 204);
    assert_eq!(app.delete(&path).by(&ann).send().await.status, 404);
    assert_eq!((is_accepted(&first).await, is_accepted(&second).await), (false, true));
    let activate =
        |is_active: bool| app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&json!({"is_active": is_active}));
    assert_eq!(app.delete("/users/me/sessions").by(&cid).send().await.status, 204);
    assert!(is_accepted(&of_cid).await, "a key does not end with the sessions");
    activate(false).send().await;
    assert!(!is_accepted(&second).await);
    activate(true).send().await;
    assert!(!is_accepted(&second).await, "an activation revives no key");
    assert_eq!(app.delete("/users/me").by(&bob).send().await.status, 204);
    assert!(!is_accepted(&of_bob).await);
    app.pass(SignedDuration::from_hours(90 * 24) - SignedDuration::from_secs(1));
    assert!(is_accepted(&of_cid).await);
    app.pass(SignedDuration::from_secs(1));
    assert!(!is_accepted(&of_cid).await);
    let cid = app.sign_in("cid", PASSWORD).await;
    assert_eq!(app.get(PATH).by(&cid).send().await.body, json!([]), "what has expired is not listed");
}

#[tokio::test]
async fn a_key_changes_no_credentials() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let created = key_of(&app, &ann).await;
    let (key, path) = (created.text("/key"), format!("{PATH}/{}", created.text("/id")));
    for call in [
        app.post(PATH).json(&json!({"name": "another"})),
        app.delete(&path),
        app.post("/users/me/totp"),
        app.post("/users/me/totp/confirm").json(&json!({"otp": "123456"})),
        app.post("/users/me/totp/disable").json(&json!({"otp": "123456"})),
        app.post("/users/me/totp/recovery-codes").json(&json!({"otp": "123456"})),
    ] {
        assert_eq!(call.header("x-api-key", &key).send().await.status, 403);
    }
}

#[tokio::test]
async fn whoever_finds_a_key_can_revoke_it() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let (found, other) = (key_of(&app, &ann).await, key_of(&app, &ann).await);
    let revoke = async |token: &str| app.post("/token/revoke").form(&[("token", token)]).send().await.status;
    let status = async |key: &str| app.get("/users/me").header("x-api-key", key).send().await.status;
    let forged = format!("{}x", other.text("/key"));
    for token in [&found.text("/key"), &found.text("/key"), &forged] {
        assert_eq!(revoke(token).await, 200, "RFC 7009: what is good for nothing already is no error");
    }
    assert_eq!((status(&found.text("/key")).await, status(&other.text("/key")).await), (401, 200));
    assert_eq!(app.get(PATH).by(&ann).send().await.ids(), [other.text("/id")]);
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200, "sessions go on");
    let events = app.events_of(&ann.id).await;
    let deleted: Vec<_> = events.iter().filter(|(action, ..)| action == "api_key_deleted").collect();
    assert_eq!(deleted.iter().map(|(_, _, about)| about.as_str()).collect::<Vec<_>>(), [found.text("/id")]);
}

#[tokio::test]
async fn a_key_has_no_more_rights_than_the_token_that_made_it() {
    let app = App::start().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let narrow = limited(&app, ("ann", PASSWORD), "users:write items:read").await;
    let scopes = async |maker: &Account, scopes: Value| {
        let answer = create(&app, maker, &json!({"name": "a", "scopes": scopes})).send().await;
        (answer.status, answer.body["scopes"].clone())
    };
    assert_eq!(scopes(&narrow, Value::Null).await, (201, json!(["users:write", "items:read"])));
    assert_eq!(scopes(&narrow, json!(["items:read"])).await, (201, json!(["items:read"])));
    for more in [json!(["items:write"]), json!(["items:read", "users:read"]), json!(["admin"])] {
        assert_eq!(scopes(&narrow, more.clone()).await.0, 403, "{more}");
    }
    let reader = limited(&app, ("ann", PASSWORD), "items:read").await;
    assert_eq!(scopes(&reader, json!(["items:read"])).await.0, 403, "it takes `users:write` to make a key");
    assert_eq!(scopes(&ann, json!(["admin"])).await.0, 403);
    assert_eq!(scopes(&ann, json!([])).await.0, 422);
    assert_eq!(scopes(&ann, json!(["everything"])).await.0, 422);
    let by_default = scopes(&admin, Value::Null).await.1;
    assert!(!by_default.to_string().contains("admin"), "{by_default}");
    assert_eq!(scopes(&admin, json!(["admin"])).await, (201, json!(["admin"])));
    let half = limited(&app, (ADMIN_EMAIL, ADMIN_PASSWORD), "users:write").await;
    assert_eq!(scopes(&half, json!(["admin"])).await.0, 403, "an admin's token without `admin` makes no key with it");
}

#[tokio::test]
async fn a_key_loses_what_its_owner_loses() {
    let app = App::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let key = key_of(&app, &ann).await.text("/key");
    let change =
        app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&json!({"scopes": ["users:read"]})).send().await;
    assert_eq!(change.status, 200);
    let item = app.post("/items").header("x-api-key", &key).json(&json!({"name": "a", "price": 1})).send().await;
    assert_eq!(item.status, 403);
    assert_eq!(app.get("/users/me").header("x-api-key", &key).send().await.status, 200);
    let escalated = app.patch("/users/me").header("x-api-key", &key).json(&json!({"scopes": ["admin"]})).send().await;
    assert_eq!(escalated.status, 403);
}

#[tokio::test]
async fn a_wish_for_a_key_is_checked() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for (body, fault) in [
        (json!({}), "missing body.name"),
        (json!({"name": ""}), "string_too_short body.name"),
        (json!({"name": "x".repeat(101)}), "string_too_long body.name"),
        (json!({"name": "a", "expires_in_days": 0}), "greater_than_equal body.expires_in_days"),
        (json!({"name": "a", "expires_in_days": 366}), "less_than_equal body.expires_in_days"),
    ] {
        let answer = create(&app, &ann, &body).send().await;
        assert_eq!((answer.status, answer.faults()), (422, vec![fault.to_owned()]), "{body}");
    }
    let longest = create(&app, &ann, &json!({"name": "x".repeat(100), "expires_in_days": 365})).send().await;
    assert_eq!((longest.status, longest.text("/expires_at")), (201, "2028-01-15T08:00:00Z".to_owned()));
}

#[tokio::test]
async fn a_user_has_twenty_keys_at_most_under_any_race() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for _ in 0..17 {
        key_of(&app, &ann).await;
    }
    let new = json!({"name": "import", "expires_in_days": 1});
    let racing = (0..8).map(|_| create(&app, &ann, &new).send());
    let statuses: Vec<_> = futures_util::future::join_all(racing).await.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
    while create(&app, &ann, &new).send().await.status == 201 {}
    assert_eq!(app.get(PATH).by(&ann).send().await.ids().len(), 20);
    let full = create(&app, &ann, &new).send().await;
    assert_eq!((full.status, full.text("/detail")), (409, "A user can have 20 API keys at most".to_owned()));
    app.pass(SignedDuration::from_hours(24));
    let ann = app.sign_in("ann", PASSWORD).await;
    assert_eq!(create(&app, &ann, &new).send().await.status, 201, "what has expired takes no place");
}

#[tokio::test]
async fn a_repeated_request_makes_no_second_key_and_shows_none() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let ask = |name: &str| create(&app, &ann, &json!({"name": name})).header("idempotency-key", "key").send();
    let first = ask("import").await;
    assert_eq!(first.status, 201);
    let again = ask("import").await;
    let detail = "The request was answered with a secret, which is shown once";
    assert_eq!((again.status, again.text("/detail")), (409, detail.to_owned()));
    assert!(!again.raw.contains(&first.text("/key")));
    assert_eq!(ask("other").await.status, 422, "a key stands for one request");
    assert_eq!(app.get(PATH).by(&ann).send().await.ids(), [first.text("/id")]);
}

#[tokio::test]
async fn where_sign_in_is_hardened_a_key_takes_a_recent_one_and_admin_a_second_factor() {
    let app = App::start_with(&[("HARDENED", "true")]).await;
    let admin = app.admin().await;
    app.pass(SignedDuration::from_mins(16));
    let late = create(&app, &admin, &json!({"name": "import"})).send().await;
    assert_eq!((late.status, late.header("www-authenticate")), (401, Some(TOO_LONG_AGO)));

    let texts = ApiKeyTexts::new(&SECRET.into());
    let new = NewApiKey { name: "a".to_owned(), scopes: None, expires_in_days: 1 };
    let key = ApiKey::new(
        (admin.id.parse().unwrap(), 0),
        &new,
        Scopes::parse_lenient("admin notifications:send users:read"),
        app.now(),
        &Random::system(),
    );
    let text = texts.issue(&key, &Random::system());
    let held = api_keys(&app).list(key.user_id).await.unwrap();
    api_keys(&app).insert(&key, &ApiKeyHash::of(&text), &held, &Also::nothing(), None).await.unwrap();
    let by_key = |path: &str| app.get(path).header("x-api-key", text.expose_secret()).send();
    assert_eq!((by_key("/users/me").await.status, by_key("/users").await.status), (200, 403));
    let mail = json!({"email": "somebody@example.com", "message": "Hello."});
    let sent = app.post("/notifications").header("x-api-key", text.expose_secret()).json(&mail).send().await;
    assert_eq!(sent.status, 403, "nor does it mail anybody");
    let users = app.users();
    let user = users.find(key.user_id).await.unwrap().unwrap();
    let protected = user.with_second_factor(true);
    users.update(&user, &protected, None, &Also::nothing()).await.unwrap();
    assert_eq!(by_key("/users").await.status, 403, "the password is still the generated one");
    users.update(&protected, &protected.with_new_password(app.now()), None, &Also::nothing()).await.unwrap();
    assert_eq!(by_key("/users").await.status, 200);
}

#[tokio::test]
async fn all_keys_of_a_user_are_deleted_at_once_and_none_slips_in() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (one, other, of_bob) = (key_of(&app, &ann).await, key_of(&app, &ann).await, key_of(&app, &bob).await);
    let (users, keys) = (app.users(), api_keys(&app));
    let id: Uuid = ann.id.parse().unwrap();
    // A request that was let in before.
    let user = users.find(id).await.unwrap().unwrap();
    users.update(&user, &user.with_all_sessions_ended(), None, &Also::nothing()).await.unwrap();
    keys.delete_all(id).await.unwrap();
    let wish = NewApiKey { name: "a".to_owned(), scopes: None, expires_in_days: 1 };
    let late = ApiKey::new((id, 0), &wish, Scopes::of_new_user(), app.now(), &Random::system());
    let held = keys.list(id).await.unwrap();
    let hash = ApiKeyHash::of(&"text".into());
    let stored = keys
        .insert(
            &late,
            &hash,
            &held,
            &Also::nothing()
                .and(users.unended(&user, peregrine_core::session::SessionRef { id: Uuid::nil(), epoch: 0 })),
            None,
        )
        .await;
    assert!(matches!(stored, Err(InsertApiKeyError::Outdated)), "{stored:?}");
    for (key, status) in [(&one, 401), (&other, 401), (&of_bob, 200)] {
        assert_eq!(app.get("/users/me").header("x-api-key", &key.text("/key")).send().await.status, status);
    }
    keys.delete_all(id).await.unwrap();
}

fn api_keys(app: &App) -> ApiKeys {
    ApiKeys::new(app.client.clone(), "CredentialsTable".to_owned())
}
