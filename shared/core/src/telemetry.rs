//! Logs: one JSON object per line on Lambda, plain text where `AWS_LAMBDA_LOG_FORMAT` says `Text`, as locally.

use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry, filter::Targets, fmt};

/// The crates whose lines are logged at the level that is set.
const OURS: [&str; 13] = [
    "auth",
    "email_worker",
    "items",
    "jobs",
    "mail_events",
    "meta",
    "peregrine_core",
    "peregrine_fetch",
    "peregrine_http",
    "peregrine_worker",
    "relay",
    "users",
    "webhook_worker",
];

/// Starts logging for this process, panics included. The level is `AWS_LAMBDA_LOG_LEVEL`, `INFO` if there is none;
/// libraries speak up from `WARN` on only, so that no request content of theirs reaches the log.
pub fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| LevelFilter::from_str(&level).ok());
    let ours = level.unwrap_or(LevelFilter::INFO);
    let layer = if std::env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("text")) {
        // Lambda and the local cloud note the time of every line themselves.
        fmt::layer().with_ansi(false).without_time().boxed()
    } else {
        json(std::io::stdout).boxed()
    };
    // A second call, in a test, leaves the first one's subscriber in place.
    if tracing::subscriber::set_global_default(Registry::default().with(layer.with_filter(lines_up_to(ours)))).is_err()
    {
        tracing::debug!("logging was started already");
    }
    log_panics();
}

/// Our own lines up to this level, and those of libraries from `WARN` on.
pub fn lines_up_to(ours: LevelFilter) -> Targets {
    Targets::new().with_default(LevelFilter::WARN).with_targets(OURS.map(|name| (name, ours)))
}

/// One JSON object per line, as on Lambda, into `writer`.
pub fn json<S, W>(writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer)
}

/// Logs where a panic happens, and its message if that is a fixed text: one that is put together at run time could tell
/// what was sent to us, or a secret.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(tracing::field::display);
        let message = panic.payload().downcast_ref::<&'static str>().copied();
        tracing::error!(location, panic = message, "panicked");
    }));
}
