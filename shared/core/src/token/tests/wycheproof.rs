//! The vectors of C2SP Wycheproof; `wycheproof/README.md` says where they are from.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct SignaturesOfKey {
    key: String,
    tests: Vec<SignatureTest>,
}

#[derive(Deserialize)]
struct SignatureTest {
    id: u32,
    message: String,
    signature: String,
    valid: bool,
}

#[derive(Deserialize)]
struct TextsOfKey {
    keys: Vec<String>,
    tests: Vec<TextTest>,
}

#[derive(Deserialize)]
struct TextTest {
    id: u32,
    jws: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn every_ed25519_signature_is_judged_as_wycheproof_says() {
    let groups: Vec<SignaturesOfKey> = serde_json::from_str(include_str!("../wycheproof/ed25519.json")).unwrap();
    crypto::install();
    let mut tests = 0;
    for SignaturesOfKey { key, tests: of_key } in groups {
        let key = DecodingKey::from_ed_der(&bytes(&key));
        for SignatureTest { id, message, signature, valid } in of_key {
            // The way of an access token: text, decoded and verified by the provider of this crate.
            let signature = URL_SAFE_NO_PAD.encode(bytes(&signature));
            let verified = jsonwebtoken::crypto::verify(&signature, &bytes(&message), &key, Algorithm::EdDSA);
            assert_eq!(verified.unwrap(), valid, "vector {id}");
            tests += 1;
        }
    }
    assert_eq!(tests, 151);
}

#[test]
fn no_text_of_another_json_web_signature_is_an_access_token() {
    let groups: Vec<TextsOfKey> = serde_json::from_str(include_str!("../wycheproof/json_web_signature.json")).unwrap();
    let verifier = Verifier::new(ISSUER);
    let ours = signer("secret").public_key().clone();
    let (mut tests, mut offered) = (0, 0);
    for TextsOfKey { keys, tests: of_key } in groups {
        let theirs = keys.iter().map(|key| PublicKey::from_bytes(&URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap());
        let keys: Vec<_> = theirs.chain([ours.clone()]).collect();
        offered += keys.len() - 1;
        for TextTest { id, jws } in of_key {
            assert_eq!(key_id(&jws), Err(TokenError::Foreign), "no key is looked up for vector {id}");
            tests += 1;
            for key in &keys {
                assert_eq!(verifier.verify(&jws, key, now()), Err(TokenError::Foreign), "vector {id}");
                // Nor if its `kid` were that of a key that is known, which is what comes behind the first refusal.
                assert_eq!(verifier.signed_claims(&jws, key), Err(TokenError::Foreign), "vector {id}");
            }
        }
    }
    assert_eq!(tests, 401);
    assert!(offered > 0, "some keys have the size of ours");
}
