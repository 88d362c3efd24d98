//! Background work: how fast what was promised is done, and what becomes of it when workers are killed.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use local::{Cloud, CloudOptions};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{Result, Row};

/// How many mails are asked for.
const MAILS: usize = 1000;
/// Clients at once.
const CLIENTS: usize = 16;
/// The most that either run may take.
const PATIENCE: Duration = Duration::from_mins(15);

/// Asks for a thousand mails and waits until all are captured.
pub(crate) async fn measure(root: &Path) -> Result<Vec<Row>> {
    let cloud = start(root).await?;
    let client = Client::new();
    let token = sign_in(&cloud, &client).await?;
    let started = Instant::now();
    let ids = ask(&cloud, &client, &token).await?;
    let accepted = started.elapsed();
    cloud.mailbox().wait_for(MAILS, PATIENCE).await?;
    let elapsed = started.elapsed();
    let retried = finish(&cloud, &client, &token, ids).await?;
    let doubled = sent(&cloud)?.values().filter(|times| **times > 1).count();
    cloud.stop().await;
    if doubled > 0 || !retried.is_empty() {
        return Err(format!("{doubled} mails were sent twice").into());
    }
    Ok(vec![Row::new(
        format!("{MAILS} notifications: until all are accepted; until all are sent, each once"),
        format!("{:.1} s; {:.1} s", accepted.as_secs_f64(), elapsed.as_secs_f64()),
    )])
}

/// The same, while a worker is killed in the middle of its work for one mail in twenty.
pub(crate) async fn kills(root: &Path) -> Result<Vec<Row>> {
    let cloud = start(root).await?;
    let client = Client::new();
    let token = sign_in(&cloud, &client).await?;
    let started = Instant::now();
    let asking = ask(&cloud, &client, &token);
    let killing = kill(&cloud, &client);
    let (ids, killed) = tokio::try_join!(asking, killing)?;
    let retried = finish(&cloud, &client, &token, ids).await?;
    let elapsed = started.elapsed();
    let sent = sent(&cloud)?;
    cloud.stop().await;
    let mails: usize = sent.values().sum();
    if let Some((job, _)) = sent.iter().find(|(job, times)| **times > 1 && !retried.contains(*job)) {
        return Err(format!("the mail of job {job} was sent twice in one attempt").into());
    }
    Ok(vec![
        Row::new("workers killed at work", killed.to_string()),
        Row::new("jobs that succeeded, of these after more than one attempt", format!("{MAILS}, {}", retried.len())),
        Row::new("jobs whose mail was sent", sent.len().to_string()),
        Row::new(
            "mails sent a second time, because their worker died before it could record the first",
            (mails - sent.len()).to_string(),
        ),
        Row::new("until the last job has succeeded", format!("{:.0} s", elapsed.as_secs_f64())),
    ])
}

async fn start(root: &Path) -> Result<Cloud> {
    let cloud = Cloud::start(CloudOptions { release: true, ..CloudOptions::ephemeral(root) }).await?;
    // Nothing here is encrypted, but where another crate links TLS, clients ask whose cryptography it is.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(cloud)
}

async fn sign_in(cloud: &Cloud, client: &Client) -> Result<String> {
    let setting = |name| cloud.environment("auth", name).ok_or("the template has no first admin");
    let form = [("username", setting("FIRST_ADMIN_EMAIL")?), ("password", setting("FIRST_ADMIN_PASSWORD")?)];
    let call = client.post(format!("{}/api/v1/token", cloud.http_url())).form(&form);
    let token: Value = call.send().await?.error_for_status()?.json().await?;
    Ok(token.get("access_token").and_then(Value::as_str).ok_or("no token")?.to_owned())
}

/// Asks for all mails. Returns the jobs.
async fn ask(cloud: &Cloud, client: &Client, token: &str) -> Result<Vec<String>> {
    let url = format!("{}/api/v1/notifications", cloud.http_url());
    let ask = |number: usize| {
        let body = json!({"email": format!("user{number}@example.com"), "message": "Hello"});
        let call = client.post(&url).bearer_auth(token).json(&body);
        async move {
            let job: Value = call.send().await?.error_for_status()?.json().await?;
            Ok(job.get("id").and_then(Value::as_str).ok_or("no id")?.to_owned())
        }
    };
    stream::iter((0..MAILS).map(ask)).buffer_unordered(CLIENTS).try_collect().await
}

/// Kills the workers' processes, one for every twenty mails that have been sent, until that is five percent of all.
async fn kill(cloud: &Cloud, client: &Client) -> Result<usize> {
    let mut killed = 0;
    while killed < MAILS / 20 {
        // Never twice for the same mails; and if no worker is left, the next message starts one.
        let next = (killed + 1) * 15;
        if cloud.mail().len() < next
            && cloud.mailbox().wait_for(next, Duration::from_secs(1)).await.is_err()
            && killed > MAILS / 40
        {
            break;
        }
        let functions: Value =
            client.get(format!("{}/_local/functions", cloud.http_url())).send().await?.json().await?;
        let is = |entry: &&Value, name: &str, text: &str| entry.get(name).and_then(Value::as_str) == Some(text);
        let workers = functions.as_array().into_iter().flatten().filter(|entry| is(entry, "function", "email-worker"));
        let sandboxes = workers.filter_map(|worker| worker.get("sandboxes")?.as_array()).flatten();
        let busy = sandboxes.filter(|sandbox| is(sandbox, "state", "busy")).find_map(|busy| busy.get("pid")?.as_i64());
        if let Some(pid) = busy {
            // One that has ended meanwhile was not killed.
            killed += usize::from(Command::new("kill").args(["-9", &pid.to_string()]).status()?.success());
        }
    }
    Ok(killed)
}

/// Waits until all jobs have succeeded. Returns those that took more than one attempt.
async fn finish(cloud: &Cloud, client: &Client, token: &str, ids: Vec<String>) -> Result<HashSet<String>> {
    let waiting = async {
        let (mut open, mut retried) = (ids, HashSet::new());
        while !open.is_empty() {
            let mut left = Vec::new();
            for id in open {
                let url = format!("{}/api/v1/jobs/{id}", cloud.http_url());
                let job: Value = client.get(url).bearer_auth(token).send().await?.error_for_status()?.json().await?;
                match job.get("state").and_then(Value::as_str) {
                    Some("succeeded") if job.get("attempts") == Some(&json!(1)) => {}
                    Some("succeeded") => drop(retried.insert(id)),
                    Some("queued" | "running") => left.push(id),
                    _ => return Err(format!("a job has not succeeded: {job}").into()),
                }
            }
            open = left;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(retried)
    };
    tokio::time::timeout(PATIENCE, waiting).await?
}

/// How often the mail of each job was sent.
fn sent(cloud: &Cloud) -> Result<HashMap<String, usize>> {
    let mut sent = HashMap::new();
    for mail in cloud.mail() {
        *sent.entry(mail.tags.get("job").ok_or("a mail of no job")?.clone()).or_default() += 1;
    }
    Ok(sent)
}
