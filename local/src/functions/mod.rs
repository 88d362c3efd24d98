//! Functions as Lambda runs them: sandboxes with one invocation at a time, each behind a Runtime API of its own.

mod log;
mod pool;
mod runtime_api;
mod sandbox;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use pool::{Pool, PoolView};

/// Lambda's limit for events and answers: 6 MB and what its own envelope takes.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const PAYLOAD_LIMIT: usize = 6_291_556;

/// What every sandbox of a function is started with.
pub(crate) struct FunctionConfig {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) timeout: Duration,
    /// The whole environment, except for the address of the Runtime API.
    pub(crate) environment: BTreeMap<String, String>,
    /// How many sandboxes may run at once.
    pub(crate) max_sandboxes: usize,
}

/// Without the environment, which holds secrets.
impl std::fmt::Debug for FunctionConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FunctionConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// The line of the function's output that says most about it.
    pub(crate) log: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The sandbox did not get as far as asking for an event.
    Init(String),
    /// The process ended during the invocation.
    Exited(String),
    /// The function reported an error, or a panic.
    Reported(String),
    /// The function's `Timeout` passed.
    TimedOut(Duration),
    /// The answer is larger than Lambda allows.
    ResponseTooLarge,
    /// The local cloud is being stopped.
    Stopped,
}

impl std::fmt::Display for FailureKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Init(what) => write!(formatter, "the function did not start: {what}"),
            Self::Exited(what) => write!(formatter, "the function {what} during the invocation"),
            Self::Reported(what) => formatter.write_str(what),
            Self::TimedOut(timeout) => write!(formatter, "the function timed out after {} s", timeout.as_secs()),
            Self::ResponseTooLarge => {
                write!(formatter, "Function.ResponseSizeTooLarge: the answer exceeds {PAYLOAD_LIMIT} bytes")
            }
            Self::Stopped => formatter.write_str("the local cloud is being stopped"),
        }
    }
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The function's answer as it sent it.
    pub(crate) result: Result<bytes::Bytes, Failure>,
    /// Whether it was the first invocation of its sandbox.
    pub(crate) cold: bool,
}
