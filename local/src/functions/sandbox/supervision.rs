//! A sandbox's life: its process is followed, its time limits are enforced, and whoever waits for it hears of its end.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{IDLE_LIMIT, INIT_TIMEOUT, Sandbox};
use crate::functions::pool::Pool;
use crate::functions::{Failure, FailureKind, Finished};

/// How long a process may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait for the last output of a process that ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How a sandbox ended.
#[derive(Debug)]
enum End {
    Exited(io::Result<ExitStatus>),
    InitTimeout,
    TimedOut,
    Stopped,
}

impl Sandbox {
    /// Follows the process until it ends, enforces the time limits, and tells the pool.
    pub(super) async fn supervise(
        self: Arc<Self>,
        mut child: Child,
        api: JoinHandle<()>,
        log: JoinHandle<()>,
        pool: Arc<Pool>,
    ) {
        let end = loop {
            tokio::select! {
                status = child.wait() => break End::Exited(status),
                () = self.stop.notified() => {
                    self.process.terminate();
                    let _ = tokio::time::timeout(GRACE, child.wait()).await;
                    break End::Stopped;
                }
                () = tokio::time::sleep_until(self.next_check()) => {
                    if let Some(end) = self.overdue() {
                        break end;
                    }
                    pool.retire_if_superfluous(&self);
                }
            }
        };
        self.end();
        self.process.kill();
        let _ = child.wait().await;
        // The pipe is closed now, unless a process left the group and kept it.
        let log_abort = log.abort_handle();
        let _ = tokio::time::timeout(LAST_WORDS, log).await;
        log_abort.abort();

        let failure = self.post_mortem(end);
        pool.ended(&self, failure.clone());
        // From here on the pool gives it nothing, so nothing can be left behind in it.
        let in_flight = self.lock().in_flight.take();
        if let Some(in_flight) = in_flight {
            let result = Err(failure);
            let _ = in_flight.reply.send(Finished { result, cold: in_flight.cold });
        }
        api.abort();
    }

    /// When to look at the time limits next. Without an invocation that is one timeout from now: no invocation that
    /// begins meanwhile can be due before, so that beginning one need not wake anybody.
    fn next_check(&self) -> Instant {
        let latest = Instant::now() + self.timeout.min(IDLE_LIMIT);
        let state = self.lock();
        let due = match (state.due(), state.ready) {
            (Some(deadline), _) => deadline,
            (None, true) => latest,
            (None, false) => self.init_deadline,
        };
        due.min(latest)
    }

    fn overdue(&self) -> Option<End> {
        let now = Instant::now();
        let mut state = self.lock();
        let end = match state.due() {
            Some(deadline) => (deadline <= now).then_some(End::TimedOut),
            None => (!state.ready && self.init_deadline <= now).then_some(End::InitTimeout),
        };
        // Under the same lock: it may just be asking for its next event.
        state.ended |= end.is_some();
        end
    }

    /// Why an invocation of this sandbox fails that is under way or would have been its first.
    fn post_mortem(&self, end: End) -> Failure {
        let mut state = self.lock();
        let kind = match (end, state.init_error.take()) {
            (End::Stopped, _) => FailureKind::Stopped,
            (End::TimedOut, _) => FailureKind::TimedOut(self.timeout),
            (End::InitTimeout, _) => {
                FailureKind::Init(format!("it did not ask for an event within {} s", INIT_TIMEOUT.as_secs()))
            }
            (End::Exited(_), Some(reported)) if !state.ready => FailureKind::Init(reported),
            (End::Exited(status), _) => {
                let status = match status {
                    Ok(status) => format!("ended with {status}"),
                    Err(error) => format!("was lost: {error}"),
                };
                if state.ready { FailureKind::Exited(status) } else { FailureKind::Init(format!("it {status}")) }
            }
        };
        self.failure(kind)
    }
}
