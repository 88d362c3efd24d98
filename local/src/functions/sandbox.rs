//! One sandbox: a process, its Runtime API, and what is known about it.

mod supervision;

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::log::{self, Tail};
use super::pool::{Invocation, Pool};
use super::{Failure, FailureKind, Finished, runtime_api};
use crate::ambient;
use crate::process::ProcessGroup;
use crate::server;

/// How long a function may take until it asks for its first event, as on Lambda.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a sandbox that is not needed stays.
pub(super) const IDLE_LIMIT: Duration = Duration::from_mins(1);

/// A running sandbox.
#[derive(Debug)]
pub(super) struct Sandbox {
    pub(super) id: u64,
    pub(super) generation: u64,
    pub(super) pid: Option<u32>,
    pub(super) started: Timestamp,
    init_deadline: Instant,
    timeout: Duration,
    process: ProcessGroup,
    tail: Arc<Tail>,
    stop: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ready: bool,
    /// Its process is gone or about to be killed: it takes no further event.
    ended: bool,
    invocations: u64,
    init_error: Option<String>,
    in_flight: Option<InFlight>,
    /// Set between an answer and the request for the next event, which ends an invocation on Lambda: until when that
    /// may take.
    finishing: Option<Instant>,
}

#[derive(Debug)]
struct InFlight {
    request_id: String,
    deadline: Instant,
    cold: bool,
    reply: oneshot::Sender<Finished>,
}

/// An event on its way to the function.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) trace_id: String,
    pub(super) deadline_ms: i64,
    pub(super) event: Bytes,
}

/// What a sandbox is doing, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Activity {
    Starting,
    Idle,
    Busy,
}

impl Sandbox {
    /// Starts `executable` as a sandbox of `pool`.
    pub(super) fn start(pool: &Arc<Pool>, id: u64, generation: u64, executable: &Path) -> io::Result<Arc<Self>> {
        let config = pool.config();
        let listener = TcpListener::from_std(server::listen(0)?)?;
        let address = listener.local_addr()?;

        // One pipe for both streams keeps their lines in order.
        let (output, input) = io::pipe()?;
        let mut command = Command::new(executable);
        command
            .env_clear()
            .envs(&config.environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input)
            .process_group(0)
            .kill_on_drop(true);
        let child = spawn(&mut command)?;
        drop(command);

        let sandbox = Arc::new(Self {
            id,
            generation,
            pid: child.id(),
            started: ambient::now(),
            init_deadline: Instant::now() + INIT_TIMEOUT,
            timeout: config.timeout,
            process: ProcessGroup::of(&child),
            tail: Arc::default(),
            stop: Notify::new(),
            state: Mutex::default(),
        });
        let output = Receiver::from_owned_fd(output.into())?;
        let log = log::follow(output, config.name.clone(), pool.console(), Arc::clone(&sandbox.tail));
        let log = tokio::spawn(log);
        let api = tokio::spawn(serve(listener, Arc::clone(&sandbox), Arc::clone(pool)));
        tokio::spawn(Arc::clone(&sandbox).supervise(child, api, log, Arc::clone(pool)));
        Ok(sandbox)
    }

    /// Notes that the function asked for an event. Returns true the first time.
    pub(super) fn ready(&self) -> bool {
        let mut state = self.lock();
        state.finishing = None;
        !std::mem::replace(&mut state.ready, true)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.lock().ready
    }

    /// Whether it has answered and will ask for the next event in a moment.
    pub(super) fn is_finishing(&self) -> bool {
        self.lock().finishing.is_some()
    }

    /// Notes that its process is gone. Returns whether it had asked for an event before.
    pub(super) fn end(&self) -> bool {
        let mut state = self.lock();
        state.ended = true;
        state.ready
    }

    /// Whether its process is gone, though a request of it may still be on its way through the Runtime API.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    pub(super) fn activity(&self) -> (Activity, u64) {
        let state = self.lock();
        let activity = match (state.due(), state.ready) {
            (Some(_), _) => Activity::Busy,
            (None, true) => Activity::Idle,
            (None, false) => Activity::Starting,
        };
        (activity, state.invocations)
    }

    /// Takes on an invocation; its time runs from now.
    pub(super) fn begin(&self, invocation: Invocation) -> Delivery {
        self.tail.clear();
        let timeout_ms = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        let deadline_ms = ambient::now().as_millisecond().saturating_add(timeout_ms);
        let Invocation { request_id, trace_id, event, reply } = invocation;
        let mut state = self.lock();
        state.in_flight = Some(InFlight {
            request_id: request_id.clone(),
            deadline: Instant::now() + self.timeout,
            cold: state.invocations == 0,
            reply,
        });
        state.invocations += 1;
        Delivery { request_id, trace_id, deadline_ms, event }
    }

    /// Takes an invocation back that could not be handed over, unless it has been answered meanwhile.
    pub(super) fn revoke(&self, delivery: Delivery) -> Option<Invocation> {
        let mut state = self.lock();
        let in_flight = state.in_flight.take_if(|in_flight| in_flight.request_id == delivery.request_id)?;
        state.invocations -= 1;
        let Delivery { request_id, trace_id, event, .. } = delivery;
        Some(Invocation { request_id, trace_id, event, reply: in_flight.reply })
    }

    /// Ends the invocation `request_id`. Returns false if it is not the one under way.
    pub(super) fn complete(&self, request_id: &str, result: Result<Bytes, FailureKind>) -> bool {
        let in_flight = {
            let mut state = self.lock();
            let in_flight = state.in_flight.take_if(|in_flight| in_flight.request_id == request_id);
            state.finishing = in_flight.as_ref().map(|in_flight| in_flight.deadline).or(state.finishing);
            in_flight
        };
        let Some(in_flight) = in_flight else { return false };
        let result = result.map_err(|kind| self.failure(kind));
        // Nobody may be waiting any more: the gateway's own time limit may have passed.
        let _ = in_flight.reply.send(Finished { result, cold: in_flight.cold });
        true
    }

    /// Keeps what the function reported about its failed start.
    pub(super) fn init_failed(&self, what: String) {
        self.lock().init_error = Some(what);
    }

    /// Ends the sandbox: asks the process, then insists.
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Ends the process at once, without waiting for anything.
    pub(super) fn kill(&self) {
        self.process.kill();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self, kind: FailureKind) -> Failure {
        Failure { kind, log: self.tail.telling_line() }
    }
}

impl State {
    /// When the invocation must be over, if there is one.
    fn due(&self) -> Option<Instant> {
        self.in_flight.as_ref().map(|in_flight| in_flight.deadline).or(self.finishing)
    }
}

/// Spawns, again if the executable is just being written: another thread that forked meanwhile may hold it open for
/// writing for a moment.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut attempts = 0;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && attempts < 100 => {
                attempts += 1;
                std::thread::sleep(Duration::from_millis(2));
            }
            result => return result,
        }
    }
}

async fn serve(listener: TcpListener, sandbox: Arc<Sandbox>, pool: Arc<Pool>) {
    server::serve(listener, move |request, _| runtime_api::handle(request, Arc::clone(&sandbox), Arc::clone(&pool)))
        .await;
}
