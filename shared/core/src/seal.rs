//! What the system must recognise as its own, or compare without storing it: keys, and tokens that say under a MAC what
//! they stand for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

/// The first byte of a token. Another number will mean another layout.
const VERSION: u8 = 1;
/// Bytes of an HMAC with SHA-256.
const TAG_LENGTH: usize = 32;
/// Longest token that is looked at, in bytes. What is longer is none, and not worth decoding.
const LONGEST: usize = 1024;

/// The key for one purpose. All come from one secret (HMAC as a pseudorandom function, as in the expansion step of RFC
/// 5869), so that a deployment keeps one, and none tells anything about another.
pub(crate) fn key_for(purpose: &str, secret: &SecretString) -> hmac::Key {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&secret, purpose.as_bytes()).as_ref())
}

/// A token that says this: the URL-safe base64 of a version, the content, and an HMAC over both.
pub(crate) fn seal(key: &hmac::Key, content: &[&[u8]]) -> String {
    let mut token = vec![VERSION];
    token.extend(content.iter().copied().flatten());
    let tag = hmac::sign(key, &token);
    token.extend_from_slice(tag.as_ref());
    URL_SAFE_NO_PAD.encode(token)
}

/// What a token says; `None` for whatever was not sealed with this key.
pub(crate) fn open(key: &hmac::Key, token: &str) -> Option<Vec<u8>> {
    let token = Some(token).filter(|token| token.len() <= LONGEST)?;
    let token = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (content, tag) = token.split_last_chunk::<TAG_LENGTH>()?;
    hmac::verify(key, content, tag).ok()?;
    let (version, content) = content.split_first()?;
    (*version == VERSION).then(|| content.to_vec())
}
