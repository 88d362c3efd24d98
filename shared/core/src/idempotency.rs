//! Requests that are sent twice and done once: the `Idempotency-Key` of the IETF draft
//! (draft-ietf-httpapi-idempotency-key-header).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::seal;

/// How long a key is remembered, in seconds.
pub const LIFETIME_SECONDS: i64 = 24 * 60 * 60;

/// Makes [`Claim`]s. What is stored of a request are keyed hashes, and of its answer what only the same caller's same
/// key opens, so that the table tells nobody what was sent, nor who signed up.
#[derive(Debug)]
pub struct IdempotencyKeys {
    key: hmac::Key,
    random: Random,
}

/// A caller's key, and the request that it stands for.
#[derive(Clone)]
pub struct Claim {
    pub(crate) id: String,
    pub(crate) fingerprint: String,
    seal: hmac::Tag,
    nonce: [u8; NONCE_LEN],
}

/// The answer that a repeated request gets again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstAnswer {
    /// The status of the answer. What was stored before there was another one is 201.
    #[serde(default = "created")]
    pub status: u16,
    /// Where the created resource is found.
    pub location: String,
    /// The JSON of the created resource.
    pub body: String,
}

fn created() -> u16 {
    201
}

/// A request that is done only if its key has not been used: the claim, the answer to remember, and until when.
#[derive(Debug, Clone)]
pub struct Once {
    /// The name of the table that remembers.
    pub table: String,
    /// Whose key it is, and what for.
    pub claim: Claim,
    /// What a repetition is answered with. None if the answer holds a secret, which is not stored: a repetition is then
    /// told that it is one.
    pub answer: Option<FirstAnswer>,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// Why a request is not done: its key has been used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyUsed {
    /// By the same request.
    #[error("the request has been answered")]
    SameRequest(FirstAnswer),
    /// By the same request, whose answer held a secret.
    #[error("the request has been answered with a secret, which is not kept")]
    SecretAnswer,
    /// By another one.
    #[error("the key was used for another request")]
    OtherRequest,
    /// By a request that is not answered yet.
    #[error("a request with this key is still being processed")]
    StillRunning,
}

impl IdempotencyKeys {
    /// Keys that are hashed with a key derived from `secret`.
    pub fn new(secret: &SecretString, random: Random) -> Self {
        Self { key: seal::key_for("idempotency", secret), random }
    }

    /// A caller's claim to do what the `request` (its method, path and body) says, once for this key. Another caller
    /// with the same key has a claim of its own.
    pub fn claim(&self, caller: &str, key: &str, request: &[&[u8]]) -> Claim {
        let request: Vec<&[u8]> = [&b"request"[..]].iter().chain(request).copied().collect();
        let seal = self.hash(&[b"answer", caller.as_bytes(), key.as_bytes()]);
        Claim {
            id: URL_SAFE_NO_PAD.encode(self.hash(&[b"key", caller.as_bytes(), key.as_bytes()])),
            fingerprint: URL_SAFE_NO_PAD.encode(self.hash(&request)),
            seal,
            nonce: self.random.bytes(),
        }
    }

    fn hash(&self, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            // The length in front keeps parts from running into each other.
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
        context.sign()
    }
}

impl Claim {
    /// The answer, so that only this caller's key opens it (RFC 8439): the nonce, and the sealed JSON.
    pub(crate) fn seal(&self, answer: &FirstAnswer) -> Result<Vec<u8>, UnreadableAnswer> {
        let mut sealed = serde_json::to_vec(answer).map_err(|_| UnreadableAnswer)?;
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        self.key()?.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).map_err(|_| UnreadableAnswer)?;
        Ok([&self.nonce[..], &sealed].concat())
    }

    /// The answer that was sealed for this caller's key.
    pub(crate) fn open(&self, sealed: &[u8]) -> Result<FirstAnswer, UnreadableAnswer> {
        let (nonce, sealed) = sealed.split_first_chunk().ok_or(UnreadableAnswer)?;
        let mut sealed = sealed.to_vec();
        let opened = self.key()?.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut sealed);
        serde_json::from_slice(opened.map_err(|_| UnreadableAnswer)?).map_err(|_| UnreadableAnswer)
    }

    fn key(&self) -> Result<LessSafeKey, UnreadableAnswer> {
        // It fails for another length than the 32 bytes that an HMAC with SHA-256 has.
        UnboundKey::new(&CHACHA20_POLY1305, self.seal.as_ref()).map(LessSafeKey::new).map_err(|_| UnreadableAnswer)
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Claim").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is stored is no answer of this claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnreadableAnswer;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> IdempotencyKeys {
        IdempotencyKeys::new(&secret.into(), Random::system())
    }

    #[test]
    fn a_claim_belongs_to_one_caller_one_key_and_one_request() {
        let keys = keys("a secret");
        let told = |claim: Claim| (claim.id, claim.fingerprint);
        let claim = told(keys.claim("ann", "key", &[b"POST", b"/items", b"{}"]));
        assert_eq!(told(keys.claim("ann", "key", &[b"POST", b"/items", b"{}"])), claim);
        let other_body = told(keys.claim("ann", "key", &[b"POST", b"/items", b"{ }"]));
        assert_eq!((&other_body.0, other_body.1 == claim.1), (&claim.0, false));
        assert_ne!(keys.claim("bob", "key", &[]).id, claim.0);
        assert_ne!(keys.claim("an", "nkey", &[]).id, claim.0);
        assert_ne!(told(keys.claim("ann", "key", &[b"POST/", b"items", b"{}"])).1, claim.1);
        assert_ne!(self::keys("another secret").claim("ann", "key", &[]).id, claim.0);
    }

    #[test]
    fn an_answer_opens_for_the_key_that_it_was_sealed_for_and_no_other() {
        let keys = keys("a secret");
        let answer =
            FirstAnswer { status: 201, location: "/items/1".to_owned(), body: "{\"name\":\"widget\"}".to_owned() };
        let sealed = keys.claim("ann", "key", &[]).seal(&answer).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"widget"));
        assert_eq!(keys.claim("ann", "key", &[b"whatever"]).open(&sealed), Ok(answer.clone()));
        assert_ne!(keys.claim("ann", "key", &[]).seal(&answer).unwrap(), sealed, "no nonce is used twice");
        for other in [keys.claim("ann", "other", &[]), keys.claim("bob", "key", &[])] {
            assert_eq!(other.open(&sealed), Err(UnreadableAnswer));
        }
        assert_eq!(keys.claim("ann", "key", &[]).open(b"short"), Err(UnreadableAnswer));
    }
}
