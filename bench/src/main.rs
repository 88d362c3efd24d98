//! Measures what the README says about size, start-up, CPU, latency and memory. Run it as
//!
//! ```text
//! cargo run --release --package bench
//! cargo run --release --package bench -- sign-in
//! cargo run --release --package bench -- tokens
//! cargo run --release --package bench -- kills
//! cargo run --release --package bench -- enumeration
//! ```
//!
//! It builds the functions for release, runs their real binaries, and prints a table. `sign-in` measures only what
//! concerns sign-ins, `tokens` what it takes to verify an access token. `kills` sends mail while workers are killed,
//! and takes some minutes, because what a dead worker was at is taken up when its lease has run out. `enumeration`
//! compares the times of answers about addresses that have an account and addresses that have none, and fails if they
//! can be told apart.

mod background;
mod cold;
mod enumeration;
mod gateway;
mod in_process;
mod layers;
mod process;
mod runtime_api;
mod sign_in;
mod size;
mod statistics;
mod tokens;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a measurement may fail with: anything, since it ends the benchmark.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The functions that are measured.
const FUNCTIONS: [&str; 9] =
    ["meta", "auth", "users", "items", "jobs", "relay", "email-worker", "webhook-worker", "mail-events"];

#[tokio::main]
async fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace has no folder")?;
    match std::env::args().nth(1).as_deref() {
        Some("kills") => {
            print(&background::kills(root).await?);
            return Ok(());
        }
        Some("tokens") => return conclude(tokens::measure()?),
        Some("sign-in") => return conclude(sign_in::measure(root)?),
        Some("enumeration") => return conclude(enumeration::measure(root)?),
        _ => {}
    }
    let binaries = build(root)?;
    let mut rows = size::measure(&binaries)?;
    rows.extend(cold::measure(root, &binaries).await?);
    rows.extend(layers::measure().await?);
    let (of_sign_in, mut missed) = sign_in::measure(root)?;
    rows.extend(of_sign_in);
    let (of_tokens, too_slow) = tokens::measure()?;
    rows.extend(of_tokens);
    missed.extend(too_slow);
    rows.extend(gateway::measure(root).await?);
    rows.extend(background::measure(root).await?);
    conclude((rows, missed))
}

/// Prints the table, and fails if something is not as it should be.
fn conclude((rows, missed): (Vec<Row>, Vec<String>)) -> Result<()> {
    print(&rows);
    if missed.is_empty() { Ok(()) } else { Err(missed.join("; ").into()) }
}

/// A line of the table.
struct Row {
    what: String,
    figure: String,
}

impl Row {
    fn new(what: impl Into<String>, figure: impl Into<String>) -> Self {
        Self { what: what.into(), figure: figure.into() }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn print(rows: &[Row]) {
    let width = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or_default();
    println!("| {:width$} | measured |\n|-{:-<width$}-|----------|", "what", "");
    for Row { what, figure } in rows {
        println!("| {what:width$} | {figure} |");
    }
}

/// Builds the functions as they are deployed, and says where the binaries are.
fn build(root: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["build", "--release"]).args(FUNCTIONS.iter().flat_map(|name| ["--package", name]));
    // What this program was started with by cargo is not meant for the cargo that it starts.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_") && name != "CARGO_TARGET_DIR") {
        cargo.env_remove(name);
    }
    if !cargo.status()?.success() {
        return Err("the functions could not be built".into());
    }
    let target = std::env::current_exe()?;
    let target = target.parent().ok_or("the program is in no folder")?;
    Ok(FUNCTIONS.map(|name| (name, target.join(name))).to_vec())
}

/// The value below which `share` of the sorted values lie.
fn quantile(sorted: &[std::time::Duration], share: f64) -> std::time::Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let index = ((sorted.len().saturating_sub(1)) as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

/// A duration in milliseconds.
fn milliseconds(duration: std::time::Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}
