//! Latency, concurrency and memory of the whole local cloud, with the release binaries.

use std::path::Path;
use std::time::{Duration, Instant};

use local::{Cloud, CloudOptions};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{Result, Row, milliseconds, process, quantile};

/// Requests of the one client.
const SEQUENTIAL: usize = 3000;
/// Clients at once.
const CLIENTS: usize = 32;
/// Requests of each of them.
const REQUESTS: usize = 200;

pub(crate) async fn measure(root: &Path) -> Result<Vec<Row>> {
    let cloud = Cloud::start(CloudOptions { release: true, ..CloudOptions::ephemeral(root) }).await?;
    // Nothing here is encrypted, but where another crate links TLS, clients ask whose cryptography it is.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::new();
    let url = create_item(&cloud, &client).await?;

    for _ in 0..200 {
        get(&client, &url).await?;
    }
    let mut alone = Vec::new();
    for _ in 0..SEQUENTIAL {
        alone.push(get(&client, &url).await?.1);
    }
    alone.sort_unstable();

    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(repeat(client.clone(), url.clone()))).collect();
    let (mut errors, mut crowded) = (0, Vec::new());
    for client in clients {
        let (failed, durations) = client.await??;
        errors += failed;
        crowded.extend(durations);
    }
    let elapsed = started.elapsed();
    crowded.sort_unstable();

    // The load generator is part of this process, so the true figure is a little smaller.
    let mut memory = process::memory(std::process::id())?;
    for child in process::children()? {
        memory += process::memory(child)?;
    }
    cloud.stop().await;

    let percentiles = |sorted: &[Duration]| {
        format!("{} ({})", milliseconds(quantile(sorted, 0.5)), milliseconds(quantile(sorted, 0.99)))
    };
    let throughput = f64::from(u32::try_from(crowded.len())?) / elapsed.as_secs_f64();
    Ok(vec![
        Row::new("`GET /api/v1/items/{item_id}` through the gateway, one client, median (99 %)", percentiles(&alone)),
        Row::new(format!("… {CLIENTS} clients at once, median (99 %)"), percentiles(&crowded)),
        Row::new(
            format!("… {CLIENTS} clients at once: requests per second, errors"),
            format!("{throughput:.0}, {errors}"),
        ),
        Row::new("memory of the whole local cloud after that", format!("{} MiB", memory / 1024)),
    ])
}

async fn create_item(cloud: &Cloud, client: &Client) -> Result<String> {
    let api = format!("{}/api/v1", cloud.http_url());
    let setting = |name| cloud.environment("auth", name).ok_or("the template has no first admin");
    let form = [("username", setting("FIRST_ADMIN_EMAIL")?), ("password", setting("FIRST_ADMIN_PASSWORD")?)];
    let token: Value = client.post(format!("{api}/token")).form(&form).send().await?.error_for_status()?.json().await?;
    let token = token.get("access_token").and_then(Value::as_str).ok_or("no token")?;
    let new = json!({ "name": "widget", "price": 9.5 });
    let item = client.post(format!("{api}/items")).bearer_auth(token).json(&new).send().await?;
    let item: Value = item.error_for_status()?.json().await?;
    let id = item.get("id").and_then(Value::as_str).ok_or("no id")?;
    Ok(format!("{api}/items/{id}"))
}

async fn repeat(client: Client, url: String) -> Result<(usize, Vec<Duration>)> {
    let (mut errors, mut durations) = (0, Vec::new());
    for _ in 0..REQUESTS {
        let (status, duration) = get(&client, &url).await?;
        errors += usize::from(status != 200);
        durations.push(duration);
    }
    Ok((errors, durations))
}

async fn get(client: &Client, url: &str) -> Result<(u16, Duration)> {
    let started = Instant::now();
    let response = client.get(url).send().await?;
    let status = response.status().as_u16();
    response.bytes().await?;
    Ok((status, started.elapsed()))
}
