//! The sandboxes of one function: who gets an event, when another sandbox starts, and when one ends.

mod view;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::sandbox::{Delivery, IDLE_LIMIT, Sandbox};
use super::{Failure, FailureKind, Finished, FunctionConfig};
use crate::console::Console;

pub(crate) use view::PoolView;

/// How long a request waits for a sandbox that has just answered another one, before one is started for it. A client
/// that sends one request after the other would otherwise be faster than the function, now and then.
const PATIENCE: Duration = Duration::from_millis(100);

/// The sandboxes of one function.
///
/// A request takes the idle sandbox that was used last, or waits in line for the next that becomes free while another
/// one starts, up to the function's cap. A start that fails answers the request that has waited longest, so every start
/// either serves a request or ends one.
#[derive(Debug)]
pub(crate) struct Pool {
    config: FunctionConfig,
    console: Console,
    me: Weak<Self>,
    state: Mutex<State>,
    /// Wakes who waits for the end of all sandboxes.
    ended: Notify,
}

#[derive(Debug)]
struct State {
    executable: PathBuf,
    /// Counts the executables; sandboxes of an older one take no further events.
    generation: u64,
    next_id: u64,
    /// Every sandbox that runs, old ones included.
    sandboxes: Vec<Arc<Sandbox>>,
    /// Those that wait for an event, the one used last at the end.
    idle: Vec<Idle>,
    /// Invocations without a sandbox, in the order of their arrival.
    waiting: VecDeque<Invocation>,
    closed: bool,
    cold_starts: u64,
    invocations: u64,
    errors: u64,
    last_error: Option<String>,
}

#[derive(Debug)]
struct Idle {
    sandbox: Arc<Sandbox>,
    since: Instant,
    hand_over: oneshot::Sender<Delivery>,
}

/// Which sandboxes count as available soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    Starting,
    /// Also those that have answered but not yet asked for the next event.
    Finishing,
}

/// When a sandbox that asks for an event gets one.
enum HandOver {
    Now(Delivery),
    Later(oneshot::Receiver<Delivery>),
    Never,
}

/// An event that waits for a sandbox.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) trace_id: String,
    pub(super) event: Bytes,
    pub(super) reply: oneshot::Sender<Finished>,
}

/// An invocation as its caller sees it.
#[derive(Debug)]
pub(crate) struct Ticket {
    request_id: String,
    finished: oneshot::Receiver<Finished>,
}

impl Ticket {
    /// Waits for the end of the invocation. Can be called again after it was cancelled.
    pub(crate) async fn finished(&mut self) -> Finished {
        (&mut self.finished).await.unwrap_or_else(|_| Finished {
            result: Err(Failure { kind: FailureKind::Stopped, log: None }),
            cold: false,
        })
    }
}

impl Pool {
    /// A function without sandboxes; the first request starts one.
    pub(crate) fn new(config: FunctionConfig, executable: PathBuf, console: Console) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            config,
            console,
            me: me.clone(),
            state: Mutex::new(State {
                executable,
                generation: 1,
                next_id: 0,
                sandboxes: Vec::new(),
                idle: Vec::new(),
                waiting: VecDeque::new(),
                closed: false,
                cold_starts: 0,
                invocations: 0,
                errors: 0,
                last_error: None,
            }),
            ended: Notify::new(),
        })
    }

    pub(crate) fn config(&self) -> &FunctionConfig {
        &self.config
    }

    pub(super) fn console(&self) -> Console {
        self.console
    }

    pub(super) fn arn(&self) -> &str {
        &self.config.arn
    }

    /// Gives the function an event. The invocation takes place, whether or not the ticket is kept, unless it is
    /// withdrawn. Its id, which the function is told, is its own, unless it repeats one that has ended.
    pub(crate) fn invoke(&self, request_id: String, trace_id: String, event: Bytes) -> Ticket {
        let (reply, finished) = oneshot::channel();
        let ticket = Ticket { request_id: request_id.clone(), finished };
        let mut invocation = Invocation { request_id, trace_id, event, reply };

        let mut state = self.lock();
        state.invocations += 1;
        if state.closed {
            return ticket;
        }
        while let Some(idle) = state.idle.pop() {
            let delivery = idle.sandbox.begin(invocation);
            match idle.hand_over.send(delivery) {
                Ok(()) => return ticket,
                // Its process has just ended; the invocation goes to another one, unless it was failed with it.
                Err(delivery) => match idle.sandbox.revoke(delivery) {
                    Some(returned) => invocation = returned,
                    None => return ticket,
                },
            }
        }
        state.waiting.push_back(invocation);
        if self.start_needed(&mut state, Counting::Finishing)
            && let Some(pool) = self.me.upgrade()
        {
            let request_id = ticket.request_id.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                let mut state = pool.lock();
                if state.waiting.iter().any(|invocation| invocation.request_id == request_id) {
                    pool.start_needed(&mut state, Counting::Starting);
                }
            });
        }
        ticket
    }

    /// Takes back an invocation that no sandbox has begun. Returns false if one has.
    pub(crate) fn withdraw(&self, ticket: &Ticket) -> bool {
        let mut state = self.lock();
        let before = state.waiting.len();
        state.waiting.retain(|invocation| invocation.request_id != ticket.request_id);
        state.waiting.len() < before
    }

    /// The next event for `sandbox`. A sandbox that is to end waits for one until its process is gone: whatever it got
    /// instead, its runtime would report as an error.
    pub(super) async fn next(&self, sandbox: &Arc<Sandbox>) -> Delivery {
        match self.hand_over(sandbox) {
            HandOver::Now(delivery) => delivery,
            HandOver::Later(handed_over) => match handed_over.await {
                Ok(delivery) => delivery,
                Err(_) => std::future::pending().await,
            },
            HandOver::Never => std::future::pending().await,
        }
    }

    fn hand_over(&self, sandbox: &Arc<Sandbox>) -> HandOver {
        let mut state = self.lock();
        if sandbox.ready() {
            state.cold_starts += 1;
        }
        if state.closed || sandbox.generation != state.generation || sandbox.has_ended() {
            sandbox.stop();
            return HandOver::Never;
        }
        if let Some(invocation) = state.waiting.pop_front() {
            return HandOver::Now(sandbox.begin(invocation));
        }
        // A runtime that asks again, on another connection, is idle once.
        state.idle.retain(|idle| idle.sandbox.id != sandbox.id);
        let (hand_over, handed_over) = oneshot::channel();
        state.idle.push(Idle { sandbox: Arc::clone(sandbox), since: Instant::now(), hand_over });
        HandOver::Later(handed_over)
    }

    /// Changes the executable. Idle sandboxes end now, busy ones after their request; whoever waits gets a new one.
    pub(crate) fn replace(&self, executable: PathBuf) {
        let mut state = self.lock();
        state.executable = executable;
        state.generation += 1;
        for idle in std::mem::take(&mut state.idle) {
            idle.sandbox.stop();
        }
        // What has not asked for an event yet would be stopped as soon as it did.
        for sandbox in state.sandboxes.iter().filter(|sandbox| !sandbox.is_ready()) {
            sandbox.stop();
        }
        self.start_needed(&mut state, Counting::Starting);
    }

    /// Takes no further events and ends every sandbox; returns when their processes are gone.
    pub(crate) async fn close(&self) {
        {
            let mut state = self.lock();
            state.closed = true;
            state.waiting.clear();
            state.idle.clear();
            state.sandboxes.iter().for_each(|sandbox| sandbox.stop());
        }
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            if self.lock().sandboxes.is_empty() {
                return;
            }
            ended.await;
        }
    }

    /// Kills every process now.
    pub(crate) fn kill(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        state.sandboxes.iter().for_each(|sandbox| sandbox.kill());
    }

    /// Ends `sandbox` if it has been idle for a while and is not the only idle one.
    pub(super) fn retire_if_superfluous(&self, sandbox: &Sandbox) {
        let mut state = self.lock();
        let position = state.idle.iter().position(|idle| idle.sandbox.id == sandbox.id);
        let Some(position) = position.filter(|_| state.idle.len() > 1) else { return };
        if state.idle.get(position).is_some_and(|idle| idle.since.elapsed() >= IDLE_LIMIT) {
            state.idle.remove(position);
            sandbox.stop();
        }
    }

    /// Notes that the process of `sandbox` is gone, and why.
    pub(super) fn ended(&self, sandbox: &Sandbox, failure: Failure) {
        let mut state = self.lock();
        let was_ready = sandbox.end();
        state.sandboxes.retain(|other| other.id != sandbox.id);
        state.idle.retain(|idle| idle.sandbox.id != sandbox.id);
        self.ended.notify_waiters();
        if state.closed {
            return;
        }
        let current = sandbox.generation == state.generation;
        if current
            && !was_ready
            && let Some(invocation) = state.waiting.pop_front()
        {
            let _ = invocation.reply.send(Finished { result: Err(failure), cold: true });
        }
        self.start_needed(&mut state, Counting::Starting);
    }

    /// Counts an invocation that went wrong.
    pub(crate) fn count_error(&self, what: String) {
        let mut state = self.lock();
        state.errors += 1;
        state.last_error = Some(what);
    }

    /// Starts sandboxes until there is one for everybody who waits, as far as the cap allows. Returns whether somebody
    /// waits for one that is finishing.
    fn start_needed(&self, state: &mut State, counting: Counting) -> bool {
        let Some(me) = self.me.upgrade() else { return false };
        loop {
            let (mut running, mut starting, mut finishing) = (0, 0, 0);
            for sandbox in state.sandboxes.iter().filter(|sandbox| sandbox.generation == state.generation) {
                running += 1;
                starting += usize::from(!sandbox.is_ready());
                finishing += usize::from(counting == Counting::Finishing && sandbox.is_finishing());
            }
            if starting + finishing >= state.waiting.len() || running >= self.config.max_sandboxes {
                return starting < state.waiting.len() && finishing > 0;
            }
            state.next_id += 1;
            match Sandbox::start(&me, state.next_id, state.generation, &state.executable) {
                Ok(sandbox) => state.sandboxes.push(sandbox),
                Err(error) => {
                    let kind = FailureKind::Init(format!("{}: {error}", state.executable.display()));
                    if let Some(invocation) = state.waiting.pop_front() {
                        let result = Err(Failure { kind, log: None });
                        let _ = invocation.reply.send(Finished { result, cold: true });
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
