//! What has been tried against verifiers of JSON web tokens (RFC 8725 and what was found since), against this one.
//! Where a token would be refused for its signature anyway, it is signed with our own key, so that its form alone is
//! judged.

mod claims;
mod encoding;
mod form;

use ring::hmac;
use serde_json::json;

use super::forge::Forge;
use super::*;

#[track_caller]
fn assert_refused(token: &str) {
    assert_eq!(Forge::new().verify(token), Err(TokenError::Foreign), "{token}");
}

/// A token's three parts.
fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn what_the_forge_makes_is_believed_as_long_as_nothing_is_wrong_with_it() {
    let forge = Forge::new();
    forge.verify(&forge.with_claims(&json!({}))).unwrap();
    forge.verify(&forge.with_claims(&json!({"a claim of tomorrow": {"any": "thing"}}))).unwrap();
}

#[test]
fn an_unsigned_token_is_refused_however_none_is_spelt() {
    let forge = Forge::new();
    for none in ["none", "None", "NONE", "nOnE", "none ", ""] {
        let token = forge.with_header(&json!({"alg": none}));
        let [header, claims, signature] = parts(&token);
        assert_refused(&format!("{header}.{claims}."));
        assert_refused(&format!("{header}.{claims}"));
        assert_refused(&format!("{header}.{claims}.{signature}"));
    }
}

#[test]
fn a_token_authenticated_with_the_public_key_as_if_it_were_a_secret_is_refused() {
    let forge = Forge::new();
    let key = key("secret").public_key().clone();
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, key.x());
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00], key.as_bytes()].concat();
    let secrets = [key.as_bytes().to_vec(), key.x().into_bytes(), jwk.into_bytes(), der, Vec::new()];
    for (algorithm, mac) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        for secret in &secrets {
            for named in [algorithm, "EdDSA"] {
                let token = forge.with_header(&json!({"alg": named}));
                let [header, claims, _] = parts(&token);
                let message = format!("{header}.{claims}");
                let tag = hmac::sign(&hmac::Key::new(mac, secret), message.as_bytes());
                assert_refused(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)));
            }
        }
    }
}

#[test]
fn a_token_that_names_any_other_algorithm_is_refused() {
    let forge = Forge::new();
    for algorithm in ["ES256", "RS256", "PS256", "HS256", "EdDSA ", "eddsa", "EDDSA", "Ed25519", "Ed448", "ES256K"] {
        assert_refused(&forge.with_header(&json!({"alg": algorithm})));
    }
    for algorithm in [json!(null), json!(["EdDSA"]), json!({"EdDSA": null}), json!(8)] {
        assert_refused(&forge.with_header(&json!({"alg": algorithm})));
    }
}

#[test]
fn a_token_that_names_another_key_or_none_is_refused() {
    let forge = Forge::new();
    let other = key("another secret").public_key().id();
    let ours = key("secret").public_key().id();
    let ours = ours.as_str();
    for kid in [other.as_str(), "current", "", "../../../../dev/null", "' OR '1'='1", &ours[..42]] {
        assert_refused(&forge.with_header(&json!({"kid": kid})));
    }
    for kid in [json!(null), json!(1), json!([ours]), json!(format!("{ours}=")), json!(format!("{ours} "))] {
        assert_refused(&forge.with_header(&json!({"kid": kid})));
    }
}

#[test]
fn a_header_that_says_how_to_verify_or_that_it_means_something_else_is_refused() {
    let forge = Forge::new();
    let key = key("secret").public_key().clone();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": key.x()});
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://example.com/jwks.json")),
        ("x5u", json!("https://example.com/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("cty", json!("JWT")),
        ("p2c", json!(2_000_000_000)),
        ("exp", json!(1)),
    ] {
        assert_refused(&forge.with_header(&json!({ name: value })));
    }
}

#[test]
fn a_token_of_another_type_is_refused() {
    let forge = Forge::new();
    for kind in
        [json!("JWT"), json!("at+JWT"), json!("AT+JWT"), json!("dpop+jwt"), json!("id+jwt"), json!(""), json!(1)]
    {
        assert_refused(&forge.with_header(&json!({"typ": kind})));
    }
    assert_refused(&forge.with_header(&json!({"typ": null})));
    // RFC 9068 section 4 has verifiers take both.
    forge.verify(&forge.with_header(&json!({"typ": "application/at+jwt"}))).unwrap();
}
