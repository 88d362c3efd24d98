//! Invocations that no client waits for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::Stop;
use crate::aws::sqs::{AttributeValue, Attributes, Draft, Queue, Queues};
use crate::console::Console;
use crate::functions::{Failure, FailureKind, PAYLOAD_LIMIT, Pool};
use crate::invocations::{Invocations, Record};
use crate::template::Function;
use crate::{ambient, identifiers};

/// When an event that failed is tried again. Lambda waits one and two minutes; here somebody is watching.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const RETRIES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// How many bytes of an error a dead letter tells.
const ERROR_LIMIT: usize = 1024;

/// Invokes functions, and remembers it.
#[derive(Debug, Clone)]
pub(crate) struct Invoker {
    invocations: Arc<Invocations>,
    console: Console,
    /// By function: where events go that failed every time.
    dead_letter_queues: Arc<HashMap<String, Arc<Queue>>>,
}

impl Invoker {
    pub(crate) fn new(
        invocations: Arc<Invocations>,
        console: Console,
        functions: &[Function],
        queues: &Queues,
    ) -> Self {
        let dead_letter_queues = functions.iter().filter_map(|function| {
            let queue = queues.get(function.dead_letter_queue()?)?;
            Some((function.name().to_owned(), Arc::clone(queue)))
        });
        Self { invocations, console, dead_letter_queues: Arc::new(dead_letter_queues.collect()) }
    }

    /// Says something about `function`.
    pub(super) fn say(&self, function: &str, what: &str) {
        self.console.function(function, &format!("! {what}"));
    }

    /// Gives a function one event and waits for its answer. `request_id` is what the function and the record call the
    /// invocation, and `source` is what the record says it was for.
    pub(super) async fn invoke(
        &self,
        pool: &Pool,
        request_id: String,
        source: String,
        event: Bytes,
    ) -> Result<Bytes, Failure> {
        let time = ambient::now();
        let began = Instant::now();
        let (result, cold) = if event.len() > PAYLOAD_LIMIT {
            let kind = FailureKind::Reported(format!("the event exceeds {PAYLOAD_LIMIT} bytes"));
            (Err(Failure { kind, log: None }), false)
        } else {
            let finished =
                pool.invoke(request_id.clone(), identifiers::trace(time.as_second()), event).finished().await;
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
            request_id,
            route: source,
            status: if result.is_ok() { 200 } else { 502 },
            duration: began.elapsed(),
            cold,
        });
        result
    }

    /// Gives a function an event that nobody waits for, as Lambda does with asynchronous invocations: it is tried three
    /// times in all, always with the same id, and then goes to the function's dead letters, if it has a queue for them.
    pub(super) async fn deliver(&self, pool: &Pool, source: &str, event: Value, mut stop: Stop) {
        let event = event.to_string();
        let bytes = Bytes::from(event.clone());
        let request_id = identifiers::unique();
        let mut pauses = RETRIES.into_iter();
        let failure = loop {
            let attempt = self.invoke(pool, request_id.clone(), source.to_owned(), bytes.clone());
            let Err(failure) = attempt.await else { return };
            let Some(pause) = pauses.next() else { break failure };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.requested() => return,
            }
        };
        // An attempt that was cut short was none.
        if failure.kind == FailureKind::Stopped {
            return;
        }
        let function = pool.config().name.as_str();
        let outcome = match self.dead_letter_queues.get(function) {
            None => String::new(),
            Some(queue) => match queue.send(dead_letter(request_id, event, &failure)) {
                Ok(_) => format!("; the event is now in {}", queue.name()),
                Err(error) => format!(", and {} does not take the event: {error}", queue.name()),
            },
        };
        self.say(function, &format!("{source}: given up after {} attempts{outcome}", RETRIES.len() + 1));
    }
}

/// An event that failed every time, as Lambda puts it into a function's dead-letter queue.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq>
fn dead_letter(request_id: String, event: String, failure: &Failure) -> Draft {
    let mut error = failure.kind.to_string();
    error.truncate(error.floor_char_boundary(ERROR_LIMIT));
    let attribute = |name: &str, data_type: &str, value: String| {
        let value = AttributeValue { data_type: data_type.to_owned(), string_value: Some(value), binary_value: None };
        (name.to_owned(), value)
    };
    let attributes = Attributes::from([
        attribute("RequestID", "String", request_id),
        // An HTTP status, which is 200 when the function was invoked, whatever came of it.
        attribute("ErrorCode", "Number", "200".to_owned()),
        attribute("ErrorMessage", "String", error),
    ]);
    Draft { body: event, attributes, ..Draft::default() }
}
