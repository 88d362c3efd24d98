//! What the rate limiter promises, on the table of the template.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use local::{EmbeddedAws, Template};
use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::limit::{Limits, Policy, Standing, Subject};
use peregrine_core::settings::Environment;
use peregrine_core::table::{Client, RateLimiter};
use tests::app::workspace;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

const LIMITS: &str = "reads=200/60 writes=7/60 sign-in=3/60";
const TABLE: &str = "RateLimitsTable";
const USER: Subject = Subject::User(Uuid::nil());

/// The table, and a clock that goes on when it is told to.
struct Table {
    aws: EmbeddedAws,
    seconds: Arc<AtomicI64>,
}

impl Table {
    fn start() -> Self {
        let template = Template::load(workspace().join("template.yaml")).unwrap();
        let aws = EmbeddedAws::start(&template).unwrap();
        Self { aws, seconds: Arc::new(AtomicI64::new(1_800_000_000)) }
    }

    /// The limiter of another sandbox.
    fn limiter(&self) -> RateLimiter {
        let seconds = Arc::clone(&self.seconds);
        let clock = Clock::from_fn(move || Timestamp::from_second(seconds.load(Ordering::SeqCst)).unwrap());
        limiter_at(self.aws.url(), TABLE, clock)
    }

    /// The only counter, as it is stored: its key, and the number of each name.
    async fn counter<const N: usize>(&self, numbers: [&str; N]) -> (String, [i64; N]) {
        let client = Client::new(&AwsSettings::at(self.aws.url()).sdk_config());
        let rows = client.scan().table_name(TABLE).send().await.unwrap();
        assert_eq!(rows.items().len(), 1, "{rows:?}");
        let row = &rows.items()[0];
        let number = |name: &str| row[name].as_n().unwrap().parse().unwrap();
        (row["id"].as_s().unwrap().clone(), numbers.map(number))
    }

    fn pass(&self, seconds: u32) {
        self.seconds.fetch_add(seconds.into(), Ordering::SeqCst);
    }

    /// Ten sandboxes take requests at the same time, `each` one after the other. Returns how many passed.
    async fn passed(&self, policy: Policy, each: usize) -> usize {
        let mut sandboxes = JoinSet::new();
        for _ in 0..10 {
            let limiter = self.limiter();
            sandboxes.spawn(async move {
                let mut passed = 0;
                for _ in 0..each {
                    passed += usize::from(take(&limiter, policy, &USER).await.allowed);
                }
                passed
            });
        }
        sandboxes.join_all().await.into_iter().sum()
    }
}

fn limiter_at(url: &str, table: &str, clock: Clock) -> RateLimiter {
    RateLimiter::new(Client::new(&AwsSettings::at(url).sdk_config()), table.to_owned(), LIMITS.parse().unwrap(), clock)
}

async fn take(limiter: &RateLimiter, policy: Policy, subject: &Subject) -> Standing {
    limiter.take(policy, subject).await.unwrap()
}

async fn exhaust(limiter: &RateLimiter, policy: Policy) -> Standing {
    loop {
        let standing = take(limiter, policy, &USER).await;
        if !standing.allowed {
            return standing;
        }
    }
}

fn address(text: &str) -> Subject {
    Subject::Address(text.parse::<IpAddr>().unwrap())
}

/// A DynamoDB that answers every call in the same way. Returns where.
async fn answering(status: &'static str, code: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, status, code));
        }
    });
    url
}

async fn answer(stream: TcpStream, status: &str, code: &str) {
    let (mut stream, mut length, mut line) = (BufReader::new(stream), 0, String::new());
    // The head ends with an empty line.
    while stream.read_line(&mut line).await.unwrap() > "\r\n".len() {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    let body = format!(r#"{{"__type": "com.amazonaws.dynamodb.v20120810#{code}", "message": "no"}}"#);
    let length = body.len();
    let response = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let _ = stream.write_all(response.as_bytes()).await;
}

#[tokio::test]
async fn exactly_the_quota_passes_however_many_sandboxes_ask_at_once() {
    let table = Table::start();
    assert_eq!(table.passed(Policy::Writes, 5).await, 7);
    assert_eq!(table.passed(Policy::Writes, 1).await, 0);
    let (_, [used]) = table.counter(["used"]).await;
    assert_eq!(used, 7, "refused requests are not counted");
    assert_eq!(table.passed(Policy::SignIn, 2).await, 3, "another policy has its own counter");
}

#[tokio::test]
async fn exactly_the_quota_passes_if_one_sandbox_takes_many_requests_at_once() {
    let table = Table::start();
    let limiter = table.limiter();
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let limiter = limiter.clone();
        requests.spawn(async move { take(&limiter, Policy::Writes, &USER).await.allowed });
    }
    assert_eq!(requests.join_all().await.into_iter().filter(|allowed| *allowed).count(), 7);
}

#[tokio::test]
async fn reads_of_many_sandboxes_over_run_by_less_than_a_block_each() {
    let table = Table::start();
    let passed = table.passed(Policy::Reads, 100).await;
    // The quota is 200, and a block 4.
    assert!((200..=200 + 9 * 4).contains(&passed), "{passed}");
}

#[tokio::test]
async fn requests_that_remain_are_counted_down_across_sandboxes() {
    let table = Table::start();
    let sandboxes = [table.limiter(), table.limiter()];
    for (request, expected) in [(0, 2), (1, 1), (0, 0)] {
        let standing = take(&sandboxes[request], Policy::SignIn, &USER).await;
        assert_eq!((standing.allowed, standing.remaining), (true, expected));
        assert_eq!((standing.quota.requests, standing.quota.seconds), (3, 60));
    }
    let refused = take(&sandboxes[1], Policy::SignIn, &USER).await;
    assert_eq!((refused.allowed, refused.remaining, refused.policy), (false, 0, Policy::SignIn));
}

#[tokio::test]
async fn requests_pass_again_when_the_window_has_ended_and_not_before() {
    let table = Table::start();
    let limiter = table.limiter();
    for policy in [Policy::Writes, Policy::Reads] {
        for _ in 0..3 {
            let refused = exhaust(&limiter, policy).await;
            assert!((1..=60).contains(&refused.reset), "{refused:?}");
            table.pass(refused.reset - 1);
            let refused = take(&limiter, policy, &USER).await;
            assert_eq!((refused.allowed, refused.reset), (false, 1));
            table.pass(1);
            let fresh = take(&limiter, policy, &USER).await;
            assert_eq!((fresh.allowed, fresh.remaining, fresh.reset), (true, fresh.quota.requests - 1, 60));
        }
    }
}

#[tokio::test]
async fn users_addresses_and_networks_are_counted_apart() {
    let table = Table::start();
    let limiter = table.limiter();
    let subjects = [USER, Subject::User(Uuid::max()), address("192.0.2.1"), address("192.0.2.2")];
    let networks = [address("2001:db8:0:1::1"), address("2001:db8:0:2::1")];
    for subject in subjects.iter().chain(&networks) {
        assert_eq!(take(&limiter, Policy::Writes, subject).await.remaining, 6, "{subject}");
    }
    for (alias, remaining) in [("2001:db8:0:1:ffff::2", 5), ("2001:db8:0:1::1", 4), ("::ffff:192.0.2.1", 5)] {
        assert_eq!(take(&limiter, Policy::Writes, &address(alias)).await.remaining, remaining, "{alias}");
    }
}

#[tokio::test]
async fn a_light_reader_costs_no_call() {
    let table = Table::start();
    let limiter = table.limiter();
    drop(table);
    for remaining in [199, 198, 197, 196] {
        assert_eq!(take(&limiter, Policy::Reads, &USER).await.remaining, remaining);
    }
    assert_eq!(limiter.take(Policy::Reads, &USER).await, None, "the second block takes a call");
    assert_eq!(limiter.take(Policy::Writes, &USER).await, None, "a write takes one at once");
}

#[tokio::test]
async fn a_refusal_is_remembered_and_costs_no_further_call() {
    let table = Table::start();
    let limiter = table.limiter();
    for policy in [Policy::Reads, Policy::Writes, Policy::SignIn] {
        exhaust(&limiter, policy).await;
    }
    drop(table);
    for policy in [Policy::Reads, Policy::Writes, Policy::SignIn] {
        assert!(!take(&limiter.clone(), policy, &USER).await.allowed);
    }
    assert_eq!(limiter.take(Policy::Writes, &address("192.0.2.1")).await, None, "others would need a call");
}

#[tokio::test]
async fn a_counter_expires_after_its_window() {
    let table = Table::start();
    let standing = take(&table.limiter(), Policy::Writes, &USER).await;
    let (id, [used, schema, expires_at]) = table.counter(["used", "schema", "expires_at"]).await;
    assert!(id.starts_with("writes#00000000-0000-0000-0000-000000000000#"), "{id}");
    assert_eq!((used, schema), (1, 1));
    let end = table.seconds.load(Ordering::SeqCst) + i64::from(standing.reset);
    assert!((end + 60..end + 3600).contains(&expires_at), "{expires_at}");
}

#[tokio::test]
async fn a_counter_that_cannot_be_reached_lets_requests_pass_soon() {
    // A listener that accepts connections and never answers, a port where nobody listens, a failing DynamoDB, and one
    // without the table.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failing = answering("500 Internal Server Error", "InternalServerError").await;
    let table = Table::start();
    for (url, name) in [
        (format!("http://{}", silent.local_addr().unwrap()), TABLE),
        (format!("http://{closed}"), TABLE),
        (failing, TABLE),
        (table.aws.url().to_owned(), "NoSuchTable"),
    ] {
        let client = Client::new(&AwsSettings::at(&url).sdk_config());
        let mut environment =
            Environment::from_fn(move |variable| (variable == "RATE_LIMITS_TABLE").then(|| name.to_owned()));
        let limiter = RateLimiter::from_env(&mut environment, &client, Clock::system());
        let began = Instant::now();
        assert_eq!(limiter.take(Policy::Writes, &USER).await, None, "{url} {name}");
        // Less than the client's own patience, and more than the limiter's: the machine may have much to do.
        assert!(began.elapsed() < Duration::from_secs(10), "{url} {name}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_throttled_counter_refuses() {
    let codes = ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"];
    for code in codes {
        let url = answering("400 Bad Request", code).await;
        let limiter = limiter_at(&url, TABLE, Clock::system());
        let refused = take(&limiter, Policy::Writes, &USER).await;
        assert!(!refused.allowed && (1..=5).contains(&refused.reset), "{code}: {refused:?}");
    }
}

#[test]
fn settings_that_are_missing_or_malformed_are_named() {
    let mut environment = Environment::from_fn(|name| (name == "RATE_LIMITS").then(|| "reads=many/60".to_owned()));
    let client = Client::new(&AwsSettings::at("http://127.0.0.1:1").sdk_config());
    let _ = RateLimiter::from_env(&mut environment, &client, Clock::system());
    let message = environment.finish().unwrap_err().to_string();
    assert!(message.contains("RATE_LIMITS_TABLE is not set; RATE_LIMITS is malformed: `reads=many/60`"), "{message}");
}

#[test]
fn the_template_says_the_limits_that_hold_without_it() {
    let template = Template::load(workspace().join("template.yaml")).unwrap();
    for function in template.functions() {
        let limits: Limits = function.environment()["RATE_LIMITS"].resolve("", |_| None).parse().unwrap();
        for policy in Policy::ALL {
            assert_eq!(limits.quota_of(policy), Limits::default().quota_of(policy), "{policy:?}");
        }
    }
}
