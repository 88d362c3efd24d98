//! The command line of the local cloud: `cargo dev`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use local::{Cloud, CloudOptions, StartError, workspace_root};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Run everything that template.yaml names on this machine: the functions as their real binaries, an HTTP gateway, and
/// the AWS services that they use. Everything listens on 127.0.0.1 only.
#[derive(Debug, Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev")]
struct Cli {
    /// Where the HTTP API listens.
    #[arg(long, value_name = "PORT", default_value_t = CloudOptions::HTTP_PORT)]
    http_port: u16,

    /// Where the WebSocket API will listen. Reserved: the template has no WebSocket API yet, so nothing listens there.
    #[arg(long, value_name = "PORT", default_value_t = CloudOptions::WS_PORT)]
    ws_port: u16,

    /// Where the AWS services listen: one address for all of them.
    #[arg(long, value_name = "PORT", default_value_t = CloudOptions::AWS_PORT)]
    aws_port: u16,

    /// Where data and generated secrets are kept, relative to the template.
    #[arg(long, value_name = "FOLDER", default_value = ".local", conflicts_with = "ephemeral")]
    data_dir: PathBuf,

    /// Keep nothing: data and secrets live in memory and are gone at the end.
    #[arg(long)]
    ephemeral: bool,

    /// Build the functions with --release, as they are deployed.
    #[arg(long)]
    release: bool,

    /// Limit rates as in production; otherwise a thousand times as much may pass.
    #[arg(long)]
    strict_limits: bool,

    /// The template; looked for in this folder and those above it.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let code = runtime.block_on(async {
        match run(cli).await {
            Ok(code) => code,
            Err(Failure::Start(error)) => fail(&error.to_string()),
            Err(Failure::Other(message)) => fail(&message),
        }
    });
    // A copy or a file system that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    code
}

enum Failure {
    Start(StartError),
    Other(String),
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let unavailable = |error: std::io::Error| Failure::Other(format!("cannot handle signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unavailable)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unavailable)?;
    // The terminal was closed.
    let mut hangup = signal(SignalKind::hangup()).map_err(unavailable)?;
    let options = options(cli)?;

    let cloud = tokio::select! {
        started = Cloud::start(options) => started.map_err(Failure::Start)?,
        // Dropping the start ends a build that is under way.
        () = any_of([&mut interrupt, &mut terminate, &mut hangup]) => return Ok(ExitCode::SUCCESS),
    };
    any_of([&mut interrupt, &mut terminate, &mut hangup]).await;
    tokio::select! {
        () = cloud.stop() => Ok(ExitCode::SUCCESS),
        // Whoever asks twice does not want to wait; dropping the cloud kills its processes. 128 + SIGINT.
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
    }
}

fn options(cli: Cli) -> Result<CloudOptions, Failure> {
    let here = std::env::current_dir().map_err(|error| Failure::Other(format!("the current folder: {error}")))?;
    let root = workspace_root(&here, &cli.template).ok_or_else(|| {
        Failure::Other(format!("{} is neither in {} nor above it", cli.template.display(), here.display()))
    })?;
    Ok(CloudOptions {
        template: cli.template,
        http_port: cli.http_port,
        aws_port: cli.aws_port,
        data_dir: (!cli.ephemeral).then_some(cli.data_dir),
        release: cli.release,
        strict_limits: cli.strict_limits,
        ..CloudOptions::persistent(root)
    })
}

async fn any_of([first, second, third]: [&mut Signal; 3]) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
        _ = third.recv() => {}
    }
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {message}");
    ExitCode::FAILURE
}
