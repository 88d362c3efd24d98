//! What the local cloud says to the person in front of it.

use std::io::Write;
use std::time::Duration;

/// Where the local cloud says what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// On standard output, together with what the functions write.
    Stdout,
    /// Nowhere; for tests. What a crashed function wrote is still in the answer, and cargo's own messages still go to
    /// standard error.
    Quiet,
}

impl Console {
    /// Says one thing.
    pub(crate) fn say(self, text: impl AsRef<str>) {
        self.write(text.as_ref());
    }

    /// Passes on a line that a function wrote.
    pub(crate) fn function(self, name: &str, line: &str) {
        self.write(&format!("{name:>8} | {line}"));
    }

    fn write(self, line: &str) {
        if self == Self::Stdout {
            // `println!` would panic when the reader has gone away, and take a request with it.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        }
    }
}

/// A duration for people: `0.42 s`, `12.3 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}
