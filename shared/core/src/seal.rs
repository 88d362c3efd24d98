//! Keys for what the system must recognise as its own, or compare without storing it.

use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

/// The key for one purpose. All come from one secret (HMAC as a pseudorandom function, as in the expansion step of RFC
/// 5869), so that a deployment keeps one, and none tells anything about another.
pub(crate) fn key_for(purpose: &str, secret: &SecretString) -> hmac::Key {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&secret, purpose.as_bytes()).as_ref())
}
