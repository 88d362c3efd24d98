use jiff::SignedDuration;

use super::*;
use crate::scope::Scope;

const ISSUER: &str = "peregrine";

fn signer(secret: &str) -> Signer {
    Signer::new(&secret.into(), ISSUER.to_owned(), Random::system()).unwrap()
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
fn the_same_secret_gives_the_same_key() {
    assert_eq!(signer("secret").public_key(), signer("secret").public_key());
    assert_ne!(signer("secret").public_key(), signer("Secret").public_key());
}

#[test]
fn every_changed_character_makes_a_token_foreign() {
    let signer = signer("secret");
    let token = token_of(&signer);
    let verifier = Verifier::new(ISSUER);
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(verifier.verify(&changed, signer.public_key(), now()).is_err(), "changed at {at}: {changed}");
    }
}

#[test]
fn a_header_can_choose_neither_the_algorithm_nor_the_key() {
    let signer = signer("secret");
    let token = token_of(&signer);
    let claims_and_signature = token.split_once('.').unwrap().1;
    let kid = signer.public_key().id();
    for header in [
        format!(r#"{{"alg":"none","typ":"at+jwt","kid":"{}"}}"#, kid.as_str()),
        format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{}"}}"#, kid.as_str()),
        format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#, kid.as_str()),
        format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{}","jku":"https://example.com"}}"#, kid.as_str()),
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"../../etc/passwd"}"#.to_owned(),
        r#"{"alg":"EdDSA","typ":"at+jwt"}"#.to_owned(),
    ] {
        let forged = format!("{}.{claims_and_signature}", URL_SAFE_NO_PAD.encode(&header));
        assert_eq!(key_id(&forged), Err(TokenError::Foreign), "{header}");
    }
}
