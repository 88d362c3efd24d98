//! The keys that access tokens are signed with: how they change, and who is told.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use peregrine_core::random::Random;
use peregrine_core::table::{Also, Keys, PublishError};
use peregrine_core::token::{KeySchedule, SigningKeys, key_id};
use serde_json::json;
use tests::app::{ADMIN_EMAIL, ADMIN_PASSWORD, App, ISSUER, PASSWORD, SECRET};
use tests::client::{Account, Answer};

/// How long a new key is announced before it signs.
const ANNOUNCED: SignedDuration = SignedDuration::from_mins(10);
/// How long a rotation takes, until the old key is no longer accepted.
const ROTATION: SignedDuration = SignedDuration::from_mins(45);

fn keys(app: &App) -> Keys {
    Keys::new(app.client.clone(), "KeysTable".to_owned())
}

async fn key_set(app: &App) -> Answer {
    app.get("//.well-known/jwks.json").send().await
}

async fn rotate(app: &App, admin: &Account) -> Answer {
    app.post("/signing-keys/rotate").by(admin).send().await
}

fn kids(answer: &Answer) -> Vec<String> {
    let keys = answer.body["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The key that a token names.
fn kid_of(account: &Account) -> String {
    key_id(&account.token).unwrap().as_str().to_owned()
}

async fn accepts(app: &App, account: &Account) -> bool {
    app.get("/users/me").by(account).send().await.status == 200
}

#[tokio::test]
async fn everybody_can_read_the_key_that_tokens_are_signed_with() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let answer = key_set(&app).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("public, max-age=300")));
    let key = answer.body["keys"][0].as_object().unwrap();
    assert_eq!(key.keys().collect::<Vec<_>>(), ["alg", "crv", "kid", "kty", "use", "x"]);
    let facts = ["kty", "crv", "use", "alg"].map(|name| key[name].as_str().unwrap());
    assert_eq!(facts, ["OKP", "Ed25519", "sig", "EdDSA"]);
    assert_eq!(kids(&answer), [kid_of(&ann)]);
    assert_eq!(URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap().len(), 32);
    assert_eq!(app.get("//.well-known/jwks.json/").send().await.status, 200);
    assert_eq!(app.get("//.well-known/security.txt").send().await.status, 404);
}

#[tokio::test]
async fn a_rotation_refuses_nobody_and_asks_nobody_to_sign_in_again() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ann").await;
    let rotated = rotate(&app, &admin).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let [new, old] = kids(&rotated).try_into().unwrap();
    assert_eq!((kids(&key_set(&app).await), kid_of(&admin)), (vec![new.clone(), old.clone()], old.clone()));
    let signs_from = (app.now() + ANNOUNCED).to_string();
    let accepted_until = (app.now() + ROTATION).to_string();
    assert_eq!(rotated.text("/keys/0/signs_from"), signs_from);
    assert_eq!(rotated.body["keys"][0]["accepted_until"], json!(null));
    assert_eq!(rotated.text("/keys/1/accepted_until"), accepted_until);

    app.pass(ANNOUNCED - SignedDuration::from_secs(1));
    let before = app.sign_in("ann", PASSWORD).await;
    assert_eq!(kid_of(&before), old, "a key that not everybody knows yet signs nothing");
    app.pass(SignedDuration::from_secs(1));
    let after = app.sign_in("ann", PASSWORD).await;
    assert_eq!(kid_of(&after), new);
    app.pass(SignedDuration::from_mins(29));
    assert!(accepts(&app, &before).await && accepts(&app, &after).await, "both keys are valid at once");
    assert_eq!(rotate(&app, &app.admin().await).await.status, 409, "which is why there is no third one yet");
    app.pass(SignedDuration::from_mins(6));
    assert_eq!(kids(&key_set(&app).await), std::slice::from_ref(&new));
    let third = rotate(&app, &app.admin().await).await;
    assert_eq!((third.status, kids(&third).len(), kids(&third)[1].clone()), (200, 2, new));
}

#[tokio::test]
async fn of_two_rotations_at_once_one_happens() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (one, other) = tokio::join!(rotate(&app, &admin), rotate(&app, &admin));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(kids(&key_set(&app).await).len(), 2);
}

#[tokio::test]
async fn rotations_that_have_read_the_same_keys_do_not_both_happen() {
    let app = App::start().await;
    let (keys, secret) = (keys(&app), SigningKeys::new(&SECRET.into()));
    let old = keys.schedule().await.unwrap().unwrap();
    let new = old.rotated(&secret, app.now()).unwrap();
    let also = Also::nothing();
    keys.replace(Some(&old), &new, &also).await.unwrap();
    assert!(keys.replace(Some(&old), &new, &also).await.is_err());
    assert_eq!(keys.schedule().await.unwrap(), Some(new), "what was written is read again");
}

#[tokio::test]
async fn only_admins_rotate_and_it_is_on_record() {
    let app = App::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    assert_eq!(rotate(&app, &ann).await.status, 403);
    let kid = kids(&rotate(&app, &admin).await)[0].clone();
    let trail = app.client.scan().table_name("AuditTable").send().await.unwrap();
    let events =
        trail.items().iter().filter(|row| row["action"] == AttributeValue::S("signing_key_rotated".to_owned()));
    let events: Vec<_> = events.collect();
    let [event] = events.as_slice() else { panic!("one event, not {events:?}") };
    assert_eq!(event["actor_id"], AttributeValue::S(admin.id));
    assert_eq!(event["detail"], AttributeValue::S(kid));
}

#[tokio::test]
async fn whoever_starts_later_signs_with_the_same_key() {
    let app = App::start().await;
    let secret = SigningKeys::new(&SECRET.into());
    let rotated = rotate(&app, &app.admin().await).await;
    let later = app.now() + ANNOUNCED;
    let start = || auth::Signing::start(keys(&app), secret.clone(), ISSUER.to_owned(), Random::system(), later);
    let (one, other) = tokio::join!(start(), start());
    for signing in [one.unwrap(), other.unwrap()] {
        assert_eq!(signing.signer(later).await.unwrap().public_key().id().as_str(), kids(&rotated)[0]);
    }
}

#[tokio::test]
async fn a_sandbox_that_nobody_has_told_signs_with_the_new_key_in_time() {
    let app = App::start().await;
    let secret = SigningKeys::new(&SECRET.into());
    let signing =
        auth::Signing::start(keys(&app), secret, ISSUER.to_owned(), Random::system(), app.now()).await.unwrap();
    let rotated = rotate(&app, &app.admin().await).await;
    for (minutes, expected) in [(0, 1), (4, 1), (9, 1), (10, 0), (44, 0)] {
        let now = app.now() + SignedDuration::from_mins(minutes);
        let signer = signing.signer(now).await.unwrap();
        assert_eq!(signer.public_key().id().as_str(), kids(&rotated)[expected], "after {minutes} minutes");
    }
}

#[tokio::test]
async fn a_sandbox_that_cannot_read_the_keys_signs_as_long_as_nothing_can_have_changed() {
    let app = App::start().await;
    let secret = SigningKeys::new(&SECRET.into());
    let signing =
        auth::Signing::start(keys(&app), secret, ISSUER.to_owned(), Random::system(), app.now()).await.unwrap();
    for (minutes, signs) in [(4, true), (5, true), (9, true), (10, false)] {
        app.faults().fail("dynamodb", "GetItem", "AccessDeniedException", 400, 1);
        let signer = signing.signer(app.now() + SignedDuration::from_mins(minutes)).await;
        assert_eq!(signer.is_ok(), signs, "after {minutes} minutes");
    }
}

#[tokio::test]
async fn the_first_sandboxes_of_a_deployment_agree_on_a_key() {
    let app = App::start().await;
    app.client.delete_item().table_name("KeysTable").key("kid", current()).send().await.unwrap();
    let (keys, secret) = (keys(&app), SigningKeys::new(&SECRET.into()));
    let (one, other) = tokio::join!(keys.publish(&secret, app.now()), keys.publish(&secret, app.now()));
    assert_eq!(one.unwrap(), other.unwrap());
}

fn current() -> AttributeValue {
    AttributeValue::S("current".to_owned())
}

#[tokio::test]
async fn what_a_leaked_secret_has_signed_is_refused_within_five_minutes_of_its_replacement() {
    let app = App::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    rotate(&app, &admin).await;
    let new = SigningKeys::new(&"another secret of more than thirty-two characters".into());
    let replaced: KeySchedule = keys(&app).publish(&new, app.now()).await.unwrap();
    assert!(accepts(&app, &ann).await, "a verifier that knows the key asks again after five minutes");
    app.pass(SignedDuration::from_mins(5));
    assert!(!accepts(&app, &ann).await && !accepts(&app, &admin).await);
    // A sandbox that still has the old secret signs nothing that nobody would accept.
    let form = [("username", ADMIN_EMAIL), ("password", ADMIN_PASSWORD)];
    let answer = app.post("/token").form(&form).send().await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(key_set(&app).await.status, 503);

    let rows = app.client.scan().table_name("KeysTable").send().await.unwrap();
    assert_eq!(rows.items().len(), 2, "the new key and `current`: no key of the old secret is left");
    let signing = auth::Signing::start(keys(&app), new, ISSUER.to_owned(), Random::system(), app.now()).await.unwrap();
    assert_eq!(
        *signing.signer(app.now()).await.unwrap().public_key(),
        replaced.current.public_key,
        "and signs at once"
    );
}

#[tokio::test]
async fn a_secret_that_was_replaced_can_not_come_back() {
    let app = App::start().await;
    let new = SigningKeys::new(&"another secret of more than thirty-two characters".into());
    let replaced = keys(&app).publish(&new, app.now()).await.unwrap();
    let old = SigningKeys::new(&SECRET.into());
    assert!(matches!(keys(&app).publish(&old, app.now()).await, Err(PublishError::Replaced)));
    assert_eq!(keys(&app).schedule().await.unwrap(), Some(replaced));
}

#[tokio::test]
async fn a_key_whose_row_outlives_it_is_refused() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let kid = AttributeValue::S(kid_of(&ann));
    let expires_at = AttributeValue::N((app.now() + SignedDuration::from_mins(1)).as_second().to_string());
    let update = app.client.update_item().table_name("KeysTable").key("kid", kid);
    let update = update.update_expression("SET expires_at = :at").expression_attribute_values(":at", expires_at);
    update.send().await.unwrap();
    app.pass(SignedDuration::from_mins(5));
    assert!(!accepts(&app, &ann).await, "DynamoDB deletes late");
}
