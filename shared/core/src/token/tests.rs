//! What tokens say, and who is believed.

mod attacks;
mod forge;
mod wycheproof;

use jiff::SignedDuration;

use super::*;
use crate::scope::Scope;

const ISSUER: &str = "peregrine";

fn signer(secret: &str) -> Signer {
    Signer::new(key(secret), ISSUER.to_owned(), Random::system())
}

fn key(secret: &str) -> SigningKey {
    SigningKeys::new(&secret.into()).key(1).unwrap()
}

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn token_of(signer: &Signer) -> String {
    signer.mint(Uuid::nil(), SessionRef { id: Uuid::nil(), epoch: 0 }, &Scopes::of_new_user(), now()).unwrap()
}

#[test]
fn a_token_says_who_signed_in_and_what_they_may_do() {
    let signer = signer("secret");
    let token = Verifier::new(ISSUER).verify(&token_of(&signer), signer.public_key(), now()).unwrap();
    assert_eq!(token.user_id, Uuid::nil());
    assert!(token.scopes.allow(Scope::ItemsWrite));
    assert!(!token.scopes.allow(Scope::Admin));
}

#[test]
fn a_token_is_valid_for_half_an_hour_and_not_before_it_was_minted() {
    let signer = signer("secret");
    let token = token_of(&signer);
    let at = |seconds| {
        let then = now() + SignedDuration::from_secs(seconds);
        Verifier::new(ISSUER).verify(&token, signer.public_key(), then).map(|_| ())
    };
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(LIFETIME_SECONDS - 1), Ok(()));
    assert_eq!(at(LIFETIME_SECONDS + LEEWAY_SECONDS), Err(TokenError::Time));
    assert_eq!(at(-LEEWAY_SECONDS - 1), Err(TokenError::Time));
}

#[test]
fn a_token_of_another_key_or_issuer_is_foreign() {
    let (ours, theirs) = (signer("ours"), signer("theirs"));
    let verifier = Verifier::new(ISSUER);
    assert_eq!(verifier.verify(&token_of(&theirs), ours.public_key(), now()), Err(TokenError::Foreign));
    assert_eq!(Verifier::new("another").verify(&token_of(&ours), ours.public_key(), now()), Err(TokenError::Foreign));
}

#[test]
fn the_same_secret_gives_the_same_keys_and_every_generation_another() {
    let public_key =
        |secret: &str, generation| SigningKeys::new(&secret.into()).key(generation).unwrap().public_key().clone();
    assert_eq!(public_key("secret", 1), public_key("secret", 1));
    assert_ne!(public_key("secret", 1), public_key("Secret", 1));
    assert_ne!(public_key("secret", 1), public_key("secret", 2));
    let id = |secret: &str| SigningKeys::new(&secret.into()).secret_id().unwrap();
    assert_eq!((id("secret") == id("secret"), id("secret") == id("Secret")), (true, false));
}

#[test]
fn a_key_is_named_and_written_as_the_standards_say() {
    // The key and its thumbprint of RFC 8037 appendix A.2 and A.3.
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key = PublicKey::from_bytes(&URL_SAFE_NO_PAD.decode(x).unwrap()).unwrap();
    assert_eq!((key.x().as_str(), key.id().as_str()), (x, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
}

#[test]
fn no_secret_is_shown() {
    let keys = SigningKeys::new(&"secret".into());
    let signer = signer("secret");
    let shown = format!("{keys:?} {:?} {signer:?}", key("secret"));
    let seed = URL_SAFE_NO_PAD.encode(key("secret").key.as_bytes());
    assert!(!shown.contains(&seed) && !shown.contains("secret"), "{shown}");
}
