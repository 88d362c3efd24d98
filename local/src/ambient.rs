//! The system's clock and randomness. Functions get theirs passed in; the local cloud is the world around them.

use jiff::Timestamp;

#[expect(clippy::disallowed_methods, reason = "gateway and sandboxes live in real time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "secrets and identifiers are made here")]
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}
