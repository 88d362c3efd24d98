//! Faults on purpose, for tests: calls that fail, calls that wait, answers that get lost, and how many calls were made.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::{Response, StatusCode};
use tokio::sync::watch;

use super::front::{self, Body};

/// What goes wrong with the calls of AWS services, and a count of them. Reached by [`Cloud::faults`] and
/// [`EmbeddedAws::faults`] only, never over HTTP.
///
/// A call is named by its service as signatures name it (`dynamodb`, `sqs`, `ses`) and its operation: that of
/// `X-Amz-Target` (`TransactWriteItems`, `SendMessage`), or the method and path of a service without it
/// (`POST /v2/email/outbound-emails`).
///
/// [`Cloud::faults`]: crate::Cloud::faults
/// [`EmbeddedAws::faults`]: crate::EmbeddedAws::faults
#[derive(Debug, Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// By service, then by operation.
    calls: HashMap<&'static str, HashMap<String, u64>>,
    denied: Vec<String>,
    failures: Vec<Failure>,
    holds: Vec<Arc<Hold>>,
}

#[derive(Debug)]
struct Failure {
    service: String,
    operation: String,
    refusal: Refusal,
    times: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    code: String,
    status: u16,
}

impl Refusal {
    fn response(&self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        front::error(status, &self.code, "a test asked for this error")
    }
}

/// At which point of a call it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The service has not seen it.
    Before,
    /// The service has done it.
    After,
}

#[derive(Debug)]
struct Hold {
    service: String,
    operation: String,
    moment: Moment,
    /// How many calls have come this far.
    reached: watch::Sender<usize>,
    verdict: watch::Sender<Verdict>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Wait,
    Go,
    Refuse(Refusal),
    Lose,
}

/// Calls that wait until this is dropped.
#[derive(Debug)]
#[must_use = "dropping it lets the calls go on"]
pub struct Held {
    hold: Arc<Hold>,
    faults: Faults,
}

impl Faults {
    /// Fails the next `times` calls, before the service sees them, with the error `code` and an HTTP status.
    pub fn fail(&self, service: &str, operation: &str, code: &str, status: u16, times: u32) {
        self.lock().failures.push(Failure {
            service: service.to_owned(),
            operation: operation.to_owned(),
            refusal: Refusal { code: code.to_owned(), status },
            times,
        });
    }

    /// Lets calls wait before the service sees them.
    pub fn hold(&self, service: &str, operation: &str) -> Held {
        self.hold_at(service, operation, Moment::Before)
    }

    /// Lets calls wait after the service has done them, so that the caller does not know.
    pub fn hold_answer(&self, service: &str, operation: &str) -> Held {
        self.hold_at(service, operation, Moment::After)
    }

    /// How many calls have been made, those that failed or wait included.
    pub fn calls(&self, service: &str, operation: &str) -> u64 {
        self.lock().calls.get(service).and_then(|calls| calls.get(operation)).copied().unwrap_or_default()
    }

    /// All calls so far, those that failed or wait included: how many of each `<service> <operation>`
    /// (`sqs SendMessage`).
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let state = self.lock();
        let named = state.calls.iter().flat_map(|(service, calls)| {
            calls.iter().map(move |(operation, calls)| (format!("{service} {operation}"), *calls))
        });
        named.collect()
    }

    /// Why calls of functions were refused: their policies in the template did not allow them. In AWS's words, the
    /// first first.
    pub fn denied(&self) -> Vec<String> {
        self.lock().denied.clone()
    }

    pub(super) fn deny(&self, why: String) {
        self.lock().denied.push(why);
    }

    fn hold_at(&self, service: &str, operation: &str, moment: Moment) -> Held {
        let hold = Arc::new(Hold {
            service: service.to_owned(),
            operation: operation.to_owned(),
            moment,
            reached: watch::Sender::new(0),
            verdict: watch::Sender::new(Verdict::Wait),
        });
        self.lock().holds.push(Arc::clone(&hold));
        Held { hold, faults: self.clone() }
    }

    pub(super) fn count(&self, service: &'static str, operation: &str) {
        let mut state = self.lock();
        let calls = state.calls.entry(service).or_default();
        match calls.get_mut(operation) {
            Some(calls) => *calls += 1,
            None => drop(calls.insert(operation.to_owned(), 1)),
        }
    }

    /// Waits as long as a test wants a call to wait. Returns what the caller gets instead of the service's answer.
    pub(super) async fn pass(&self, service: &str, operation: &str, moment: Moment) -> Option<Response<Body>> {
        let holds: Vec<Arc<Hold>> = {
            let mut state = self.lock();
            if moment == Moment::Before
                && let Some(refusal) = state.failure(service, operation)
            {
                return Some(refusal.response());
            }
            let here =
                |hold: &&Arc<Hold>| hold.moment == moment && hold.service == service && hold.operation == operation;
            state.holds.iter().filter(here).cloned().collect()
        };
        for hold in holds {
            // Before it is told that a call is here, so that no verdict is missed.
            let mut verdict = hold.verdict.subscribe();
            hold.reached.send_modify(|reached| *reached += 1);
            let verdict = verdict.wait_for(|verdict| *verdict != Verdict::Wait).await.map(|verdict| verdict.clone());
            match verdict {
                Ok(Verdict::Refuse(refusal)) => return Some(refusal.response()),
                Ok(Verdict::Lose) => return std::future::pending().await,
                Ok(Verdict::Wait | Verdict::Go) | Err(_) => {}
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn failure(&mut self, service: &str, operation: &str) -> Option<Refusal> {
        self.failures.retain(|failure| failure.times > 0);
        let failure =
            self.failures.iter_mut().find(|failure| failure.service == service && failure.operation == operation)?;
        failure.times -= 1;
        Some(failure.refusal.clone())
    }
}

impl Held {
    /// Waits until a call has come this far.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until `calls` calls have come this far, repeated ones included.
    pub async fn reached_by(&self, calls: usize) {
        // The sender lives in this value.
        let _ = self.hold.reached.subscribe().wait_for(|reached| *reached >= calls).await;
    }

    /// Lets the calls go on, and those to come.
    pub fn release(self) {
        drop(self);
    }

    /// Fails the calls that wait; the service does not see them, unless it has done them already.
    pub fn refuse(self, code: &str, status: u16) {
        self.decide(Verdict::Refuse(Refusal { code: code.to_owned(), status }));
    }

    /// Never answers the calls that wait, as if the connection had been cut: their callers wait until they give up.
    /// Calls that were held before the service are lost for good, even if their caller has just been killed.
    pub fn lose(self) {
        self.decide(Verdict::Lose);
    }

    fn decide(&self, verdict: Verdict) {
        // Calls to come pass; only those that wait hear the verdict.
        self.faults.lock().holds.retain(|hold| !Arc::ptr_eq(hold, &self.hold));
        self.hold.verdict.send_if_modified(|current| {
            let first = *current == Verdict::Wait;
            if first {
                *current = verdict;
            }
            first
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.decide(Verdict::Go);
    }
}
