//! A Lambda runtime API that sends one function the same event again and again, and notes when it answers.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::{Result, process};

/// Invocations before CPU time is counted.
const WARM_UP: usize = 200;

/// What one run of a function has shown.
pub(crate) struct Run {
    /// From the start of the process until it asks for an event.
    pub(crate) ready: Duration,
    /// From the start of the process to its first answer.
    pub(crate) first_answer: Duration,
    /// CPU time per invocation, once warm.
    pub(crate) cpu: Duration,
}

struct Api {
    event: Bytes,
    invocations: usize,
    sent: AtomicUsize,
    asked: OnceLock<Instant>,
    answers: mpsc::UnboundedSender<(Instant, Bytes)>,
}

/// Starts a binary and lets it answer `event` that often with what contains `expected`; with more than [`WARM_UP`]
/// invocations, CPU is measured.
pub(crate) async fn run(
    binary: &std::path::Path,
    environment: &[(String, String)],
    event: Bytes,
    expected: &str,
    invocations: usize,
) -> Result<Run> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (answers, mut answered) = mpsc::unbounded_channel();
    let api = Arc::new(Api { event, invocations, sent: AtomicUsize::new(0), asked: OnceLock::new(), answers });
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(response))
        .route("/2018-06-01/runtime/init/error", post(response))
        .with_state(Arc::clone(&api));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let started = Instant::now();
    let mut child = Command::new(binary)
        .env_clear()
        .envs(environment.iter().cloned())
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().ok_or("the function ended at once")?;
    let (first, answer) = tokio::select! {
        answer = answered.recv() => answer.ok_or("no answer")?,
        status = child.wait() => return Err(format!("the function ended: {}", status?).into()),
    };
    if !answer.windows(expected.len()).any(|part| part == expected.as_bytes()) {
        return Err(format!("not {expected}: {}", String::from_utf8_lossy(&answer)).into());
    }
    let mut warm = process::cpu_time(pid)?;
    for count in 2..=invocations {
        answered.recv().await.ok_or("no answer")?;
        if count == WARM_UP {
            warm = process::cpu_time(pid)?;
        }
    }
    let measured = u32::try_from(invocations.saturating_sub(WARM_UP).max(1))?;
    let cpu = (process::cpu_time(pid)?.saturating_sub(warm)) / measured;
    child.kill().await?;
    server.abort();
    let ready = *api.asked.get().ok_or("no event was asked for")?;
    Ok(Run { ready: ready - started, first_answer: first - started, cpu })
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    // Only the first one counts.
    let _ = api.asked.set(Instant::now());
    let number = api.sent.fetch_add(1, Ordering::Relaxed);
    if number >= api.invocations {
        // The function waits for work until it is ended.
        std::future::pending::<()>().await;
    }
    let headers = [
        ("lambda-runtime-aws-request-id", format!("{number:032x}")),
        ("lambda-runtime-deadline-ms", "4102444800000".to_owned()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000".to_owned()),
    ];
    (headers, api.event.clone()).into_response()
}

async fn response(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    // It fails only if the run has ended already.
    let _ended = api.answers.send((Instant::now(), body)).is_err();
    StatusCode::ACCEPTED
}
