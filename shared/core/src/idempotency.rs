//! Requests that are sent twice and done once: the `Idempotency-Key` of the IETF draft
//! (draft-ietf-httpapi-idempotency-key-header).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::SecretString;

use crate::seal;

/// How long a key is remembered, in seconds.
pub const LIFETIME_SECONDS: i64 = 24 * 60 * 60;

/// Makes [`Claim`]s. What is stored of a request are keyed hashes, so that the table tells nobody what was sent.
#[derive(Debug)]
pub struct IdempotencyKeys {
    key: hmac::Key,
}

/// A caller's key, and the request that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub(crate) id: String,
    pub(crate) fingerprint: String,
}

/// The answer that a repeated request gets again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAnswer {
    /// Where the created resource is found.
    pub location: String,
    /// The JSON of the created resource.
    pub body: String,
}

/// A request that is done only if its key has not been used: the claim, the answer to remember, and until when.
#[derive(Debug, Clone)]
pub struct Once {
    /// The name of the table that remembers.
    pub table: String,
    /// Whose key it is, and what for.
    pub claim: Claim,
    /// What a repetition is answered with.
    pub answer: FirstAnswer,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// Why a request is not done: its key has been used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyUsed {
    /// By the same request.
    #[error("the request has been answered")]
    SameRequest(FirstAnswer),
    /// By another one.
    #[error("the key was used for another request")]
    OtherRequest,
    /// By a request that is not answered yet.
    #[error("a request with this key is still being processed")]
    StillRunning,
}

impl IdempotencyKeys {
    /// Keys that are hashed with a key derived from `secret`.
    pub fn new(secret: &SecretString) -> Self {
        Self { key: seal::key_for("idempotency", secret) }
    }

    /// A caller's claim to do what the `request` (its method, path and body) says, once for this key. Another caller with
    /// the same key has a claim of its own.
    pub fn claim(&self, caller: &str, key: &str, request: &[&[u8]]) -> Claim {
        let request: Vec<&[u8]> = [&b"request"[..]].iter().chain(request).copied().collect();
        Claim { id: self.hash(&[b"key", caller.as_bytes(), key.as_bytes()]), fingerprint: self.hash(&request) }
    }

    fn hash(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            // The length in front keeps parts from running into each other.
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
        URL_SAFE_NO_PAD.encode(context.sign())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_belongs_to_one_caller_one_key_and_one_request() {
        let keys = IdempotencyKeys::new(&"a secret".into());
        let claim = keys.claim("ann", "key", &[b"POST", b"/items", b"{}"]);
        assert_eq!(keys.claim("ann", "key", &[b"POST", b"/items", b"{}"]), claim);
        let other_body = keys.claim("ann", "key", &[b"POST", b"/items", b"{ }"]);
        assert_eq!((&other_body.id, other_body.fingerprint == claim.fingerprint), (&claim.id, false));
        assert_ne!(keys.claim("bob", "key", &[]).id, claim.id);
        assert_ne!(keys.claim("an", "nkey", &[]).id, claim.id);
        assert_ne!(keys.claim("ann", "key", &[b"POST/", b"items", b"{}"]).fingerprint, claim.fingerprint);
        assert_ne!(IdempotencyKeys::new(&"another secret".into()).claim("ann", "key", &[]).id, claim.id);
    }
}
