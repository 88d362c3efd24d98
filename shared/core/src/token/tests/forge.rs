//! Tokens of any form, also such as nobody but our own key can sign.

use jsonwebtoken::crypto;
use serde_json::{Value, json};

use super::*;

/// A token that is put together by hand and signed with our key, so that its form alone decides whether it is believed.
pub(super) struct Forge {
    key: SigningKey,
}

impl Forge {
    pub(super) fn new() -> Self {
        Self { key: key("secret") }
    }

    /// The header that our tokens have.
    pub(super) fn header(&self) -> Value {
        json!({"typ": "at+jwt", "alg": "EdDSA", "kid": self.key.public_key().id().as_str()})
    }

    /// The claims that our tokens have, as far as the verifier asks for them.
    pub(super) fn claims() -> Value {
        let token = token_of(&signer("secret"));
        let claims = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    }

    /// Signs header and claims, whatever they are.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        self.sign_encoded(&URL_SAFE_NO_PAD.encode(header), &URL_SAFE_NO_PAD.encode(claims))
    }

    /// Signs what has been encoded already.
    pub(super) fn sign_encoded(&self, header: &str, claims: &str) -> String {
        let message = format!("{header}.{claims}");
        let signature = crypto::sign(message.as_bytes(), &self.key.key, Algorithm::EdDSA).unwrap();
        format!("{message}.{signature}")
    }

    /// A token with our claims, but for these members.
    pub(super) fn with_claims(&self, changed: &Value) -> String {
        self.sign(&self.header().to_string(), &merged(Self::claims(), changed).to_string())
    }

    /// A token with our header, but for these members.
    pub(super) fn with_header(&self, changed: &Value) -> String {
        self.sign(&merged(self.header(), changed).to_string(), &Self::claims().to_string())
    }

    pub(super) fn verify(&self, token: &str) -> Result<AccessToken, TokenError> {
        Verifier::new(ISSUER).verify(token, self.key.public_key(), now())
    }
}

/// An object with other members; `null` takes one away.
fn merged(mut object: Value, changed: &Value) -> Value {
    for (name, value) in changed.as_object().unwrap() {
        match value {
            Value::Null => object.as_object_mut().unwrap().remove(name),
            value => object.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    object
}
