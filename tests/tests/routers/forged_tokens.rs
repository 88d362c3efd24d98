//! Tokens that were not minted here, over HTTP. All forms that a token can have are tried in
//! `shared/core/src/token/tests`; here it is what reaches a handler.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use peregrine_core::random::Random;
use peregrine_core::scope::{Scope, Scopes};
use peregrine_core::session::SessionRef;
use peregrine_core::token::{Signer, SigningKeys, key_id};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tests::app::{App, ISSUER, SECRET};
use tests::client::Account;
use uuid::Uuid;

/// The parts of a token of ours, to make others of.
struct Parts {
    header: Value,
    claims: Value,
    signature: String,
}

impl Parts {
    fn of(account: &Account) -> Self {
        let [header, claims, signature] = account.token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        Self { header: read(header), claims: read(claims), signature: signature.to_owned() }
    }

    /// What is signed, with this in the header.
    fn message(&self, changed: &Value) -> String {
        let mut header = self.header.clone();
        header.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        let encoded = [&header, &self.claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        encoded.join(".")
    }
}

#[track_caller]
fn assert_foreign(answer: &tests::client::Answer, what: &str) {
    assert_eq!((answer.status, answer.text("/detail")), (401, "Could not validate credentials".to_owned()), "{what}");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
}

async fn assert_refused(app: &App, token: &str, what: &str) {
    assert_foreign(&app.get("/users/me").bearer(token).send().await, what);
}

#[tokio::test]
async fn nobody_gets_in_without_a_signature() {
    let app = App::start().await;
    let parts = Parts::of(&app.user("ann").await);
    for none in ["none", "None", "NONE", "nOnE"] {
        let message = parts.message(&json!({"alg": none}));
        assert_refused(&app, &format!("{message}."), none).await;
        assert_refused(&app, &message, none).await;
        assert_refused(&app, &format!("{message}.{}", parts.signature), none).await;
    }
}

#[tokio::test]
async fn nobody_gets_in_with_what_the_key_set_tells_everybody() {
    let app = App::start().await;
    let parts = Parts::of(&app.user("ann").await);
    let key_set = app.get("//.well-known/jwks.json").send().await;
    let jwk = &key_set.body["keys"][0];
    let x = key_set.text("/keys/0/x");
    for secret in
        [URL_SAFE_NO_PAD.decode(&x).unwrap(), x.into_bytes(), jwk.to_string().into_bytes(), key_set.bytes.to_vec()]
    {
        for algorithm in ["HS256", "EdDSA"] {
            let message = parts.message(&json!({"alg": algorithm}));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
            assert_refused(&app, &format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)), algorithm).await;
        }
    }
}

#[tokio::test]
async fn nobody_gets_in_with_a_key_of_their_own() {
    let app = App::start().await;
    let parts = Parts::of(&app.user("ann").await);
    let theirs = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = URL_SAFE_NO_PAD.encode(theirs.public_key());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    let foreign = Signer::new(
        SigningKeys::new(&"a secret of somebody else, long enough to be one".into()).key(1).unwrap(),
        ISSUER.to_owned(),
        Random::system(),
    );
    let kid = foreign.public_key().id();
    for header in [
        json!({}),
        json!({"kid": kid.as_str()}),
        json!({"kid": "current"}),
        json!({"kid": "../../../../dev/null"}),
        json!({"jwk": jwk}),
        json!({"jku": "https://attacker.example.com/jwks.json"}),
        json!({"x5u": "https://attacker.example.com/chain.pem"}),
        json!({"x5c": [x]}),
        json!({"crit": ["b64"], "b64": false}),
    ] {
        let message = parts.message(&header);
        let signature = URL_SAFE_NO_PAD.encode(theirs.sign(message.as_bytes()));
        assert_refused(&app, &format!("{message}.{signature}"), &header.to_string()).await;
    }
}

#[tokio::test]
async fn nobody_gets_in_with_our_signature_on_something_else() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (anns, bobs) = (Parts::of(&ann), Parts::of(&bob));
    assert_refused(&app, &format!("{}.{}", anns.message(&json!({})), bobs.signature), "two tokens, mixed").await;
    for typ in ["JWT", "jwt", "id+jwt"] {
        assert_refused(&app, &format!("{}.{}", anns.message(&json!({"typ": typ})), anns.signature), typ).await;
    }
    // A token of another service that has the same key, as a staging system that was copied from this one would.
    let user_id = Uuid::parse_str(&ann.id).unwrap();
    let session = SessionRef { id: Random::system().uuid(app.now()), epoch: 0 };
    let scopes: Scopes = [Scope::Admin].into_iter().collect();
    let mint = |issuer: &str, now| {
        let key = SigningKeys::new(&SECRET.into()).key(1).unwrap();
        Signer::new(key, issuer.to_owned(), Random::system()).mint(user_id, session, &scopes, now).unwrap()
    };
    assert_refused(&app, &mint("staging", app.now()), "another issuer").await;
    assert_refused(&app, &mint(ISSUER, app.now() - SignedDuration::from_mins(31)), "a token of before").await;
    assert_refused(&app, &mint(ISSUER, app.now() + SignedDuration::from_mins(1)), "a token of later").await;
    let answer = app.get("/users").bearer(&mint(ISSUER, app.now())).send().await;
    assert_eq!(answer.status, 403, "a token gives no right that its user has not");
}

#[tokio::test]
async fn a_token_is_accepted_in_one_spelling_only() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let token = &ann.token;
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    for other in [
        format!("{token}="),
        format!("{token}=="),
        format!("{token}."),
        format!(".{token}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}. {claims}.{signature}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{header}..{signature}"),
        token[..token.len() - 1].to_owned(),
        "x".repeat(5000),
        format!("{header}.{}.{signature}", "A".repeat(8000)),
        json!({"payload": claims, "protected": header, "signature": signature}).to_string(),
        json!({"payload": claims, "signatures": [{"protected": header, "signature": signature}]}).to_string(),
    ] {
        assert_refused(&app, &other, &other).await;
    }
    // The last character of 64 bytes has four bits to spare.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = token.split_at(token.len() - 1);
    let position = alphabet.find(last).unwrap();
    for bits in 1..16 {
        let other = format!("{rest}{}", &alphabet[position + bits..=position + bits]);
        assert_refused(&app, &other, &other).await;
    }
    let standard = token.replace('-', "+").replace('_', "/");
    if standard != *token {
        assert_refused(&app, &standard, "the standard alphabet").await;
    }
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200);
}

#[tokio::test]
async fn a_verifier_that_knows_its_keys_makes_no_call_for_them() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let reads = async |token: &str| {
        let before = app.calls("dynamodb", "GetItem");
        app.get("/users/me").bearer(token).send().await;
        app.calls("dynamodb", "GetItem") - before
    };
    assert_eq!(reads(&ann.token).await, 1, "the user alone is read");
    app.pass(SignedDuration::from_mins(5));
    assert_eq!(reads(&ann.token).await, 2, "keys are asked for again, in case one was removed");
    assert_eq!(reads(&ann.token).await, 1);

    let made_up = Parts::of(&ann).message(&json!({"kid": URL_SAFE_NO_PAD.encode([1; 32])})) + ".c2lnbmF0dXJl";
    assert_eq!(key_id(&made_up).unwrap().as_str(), URL_SAFE_NO_PAD.encode([1; 32]));
    assert_eq!(reads(&made_up).await, 1, "a key that nobody knows is looked up");
    assert_eq!(reads(&made_up).await, 0, "once");
    for number in 2..200_u8 {
        let kid = URL_SAFE_NO_PAD.encode([number; 32]);
        assert_eq!(reads(&(Parts::of(&ann).message(&json!({ "kid": kid })) + ".c2lnbmF0dXJl")).await, 1);
    }
    assert_eq!(reads(&ann.token).await, 1, "what was made up displaces no key that exists");
    for foreign in ["a.b.c", "", &format!("{}x", ann.token)] {
        assert_eq!(reads(foreign).await, 0, "{foreign}");
    }
}
