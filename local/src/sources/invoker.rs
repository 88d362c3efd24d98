//! Invocations that no client waits for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::Stop;
use crate::console::Console;
use crate::functions::{Failure, FailureKind, PAYLOAD_LIMIT, Pool};
use crate::invocations::{Invocations, Record};
use crate::{ambient, identifiers};

/// When an event that failed is tried again. Lambda waits one and two minutes; here somebody is watching.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const RETRIES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// Invokes functions, and remembers it.
#[derive(Debug, Clone)]
pub(crate) struct Invoker {
    invocations: Arc<Invocations>,
    console: Console,
}

impl Invoker {
    pub(crate) fn new(invocations: Arc<Invocations>, console: Console) -> Self {
        Self { invocations, console }
    }

    /// Says something about `function`.
    pub(super) fn say(&self, function: &str, what: &str) {
        self.console.function(function, &format!("! {what}"));
    }

    /// Gives a function one event and waits for its answer. `source` is what the record says it was for.
    pub(super) async fn invoke(&self, pool: &Pool, source: String, event: Bytes) -> Result<Bytes, Failure> {
        let time = ambient::now();
        let began = Instant::now();
        let (result, cold) = if event.len() > PAYLOAD_LIMIT {
            let kind = FailureKind::Reported(format!("the event exceeds {PAYLOAD_LIMIT} bytes"));
            (Err(Failure { kind, log: None }), false)
        } else {
            let finished = pool.invoke(event, identifiers::trace(time.as_second())).finished().await;
            (finished.result, finished.cold)
        };
        let function = pool.config().name.as_str();
        if let Err(failure) = &result {
            if failure.kind != FailureKind::Stopped {
                self.say(function, &format!("{source}: {}", failure.kind));
            }
            pool.count_error(failure.kind.to_string());
        }
        self.invocations.record(Record {
            time,
            function: function.to_owned(),
            request_id: identifiers::unique(),
            route: source,
            status: if result.is_ok() { 200 } else { 502 },
            duration: began.elapsed(),
            cold,
        });
        result
    }

    /// Gives a function an event that nobody waits for, as Lambda does with asynchronous invocations: it is tried three
    /// times in all.
    pub(super) async fn deliver(&self, pool: &Pool, source: &str, event: Value, mut stop: Stop) {
        let event = Bytes::from(event.to_string());
        for pause in RETRIES.into_iter().map(Some).chain([None]) {
            let Err(_) = self.invoke(pool, source.to_owned(), event.clone()).await else { return };
            let Some(pause) = pause else { break };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.requested() => return,
            }
        }
        self.say(&pool.config().name, &format!("{source}: given up after {} attempts", RETRIES.len() + 1));
    }
}
