//! What is logged, in the form that Lambda gets it in, for tests that look at it.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use peregrine_core::telemetry;
use serde_json::Value;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Appends to what the thread has logged.
struct ThreadLog;

impl io::Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts to keep what our own crates log, by thread: a test has a thread of its own, and so has its runtime. All tests
/// of a binary share one subscriber, and each starts it before it logs, also one that never looks at the log: tracing
/// can lose a call site for good when it is met for the first time while the subscriber is being set.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let ours = ["auth", "mail_events", "peregrine_core", "peregrine_http"].map(|name| (name, tracing::Level::INFO));
        let layer = telemetry::json(|| ThreadLog).with_filter(Targets::new().with_targets(ours));
        tracing::subscriber::set_global_default(Registry::default().with(layer)).expect("there is no other subscriber");
    });
}

/// The lines that this thread has logged since the last look.
pub fn lines() -> Vec<Value> {
    let written = WRITTEN.take();
    String::from_utf8_lossy(&written).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}
