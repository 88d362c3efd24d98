//! Randomness, as something that is passed in.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use uuid::{Builder, Uuid};

/// Where random bytes come from: the operating system, or a test's sequence.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Random {
    /// The operating system's generator.
    ///
    /// # Panics
    /// When bytes are asked for and the operating system has none, which Linux rules out once it has booted.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "what everybody else takes is made here")]
        let system = SystemRandom::new();
        #[expect(clippy::expect_used, reason = "without randomness no key or id is safe, so nothing may go on")]
        Self::from_fn(move |bytes| system.fill(bytes).expect("the operating system gives random bytes"))
    }

    /// A generator that fills buffers with `fill`.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// A `UUIDv7` (RFC 9562): ids of later milliseconds sort behind earlier ones.
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millisecond, &self.bytes()).into_uuid()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Random")
    }
}
