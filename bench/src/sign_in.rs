//! What a sign-in takes besides the one thing that is to take long: the hash of the password.

use std::path::Path;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use peregrine_core::password::PasswordHasher;
use peregrine_core::random::Random;
use secrecy::SecretString;

use crate::in_process::{self, Tables, alone};
use crate::{Result, Row, milliseconds, process, quantile};

/// How often sign-in and hash take turns.
const ROUNDS: usize = 5;
/// Sign-ins of a round.
const SIGN_INS: u32 = 60;
/// The most CPU that may be spent besides hashing. It was to be one millisecond, which five calls take while caches are
/// warm; the 19 MiB of each hash empty them.
const MOST: Duration = Duration::from_millis(2);

/// CPU is measured on the thread that answers requests. Hashing is done on another one and the embedded AWS is on a
/// third, so that nothing has to be subtracted that is ten times as large and varies. Returns the figures, and
/// whether the target was missed.
pub(crate) fn measure(root: &Path) -> Result<(Vec<Row>, Vec<String>)> {
    let tables = Tables::start(root)?;
    let (cpu, sign_ins, hashes) = alone(|| measure_alone(&tables))?;
    let (sign_in, hash) = (quantile(&sign_ins, 0.5), quantile(&hashes, 0.5));
    let missed = (cpu >= MOST).then(|| format!("a sign-in takes {} of CPU besides the hash", milliseconds(cpu)));
    let rows = vec![
        Row::new("`POST /api/v1/token`: CPU besides the password's hash", milliseconds(cpu)),
        Row::new("… the hash alone, median", milliseconds(hash)),
        Row::new(
            "… what comes on top of it with the embedded DynamoDB, median",
            milliseconds(sign_in.saturating_sub(hash)),
        ),
    ];
    Ok((rows, missed.into_iter().collect()))
}

/// The CPU time of a sign-in without the hash, and how long sign-ins and hashes took, sorted.
async fn measure_alone(tables: &Tables) -> Result<(Duration, Vec<Duration>, Vec<Duration>)> {
    let functions = tables.functions(false).await?;
    let (name, password) = &functions.first_admin;
    let hasher = PasswordHasher::new(Random::system());
    let secret = SecretString::from(password.as_str());
    let hash = hasher.hash(secret.clone()).await?;
    let (mut cpu, mut sign_ins, mut hashes) = (Duration::MAX, Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let before = process::own_thread_cpu_time()?;
        for _ in 0..SIGN_INS {
            let (status, duration) = in_process::send(&functions.auth, in_process::sign_in(name, password)?).await?;
            if status != StatusCode::OK {
                return Err(format!("a sign-in was answered with {status}").into());
            }
            sign_ins.push(duration);
        }
        let spent = process::own_thread_cpu_time()?.saturating_sub(before) / SIGN_INS;
        for _ in 0..SIGN_INS {
            let started = Instant::now();
            if !hasher.verify(secret.clone(), Some(hash.clone())).await?.is_right() {
                return Err("the hash is not the password's".into());
            }
            hashes.push(started.elapsed());
        }
        if round == 0 {
            // The first one warms up, and creates the account.
            (sign_ins, hashes) = (Vec::new(), Vec::new());
        } else {
            // The best round: what comes on top was something else.
            cpu = cpu.min(spent);
        }
    }
    sign_ins.sort_unstable();
    hashes.sort_unstable();
    Ok((cpu, sign_ins, hashes))
}
