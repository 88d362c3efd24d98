//! What a fetcher promises, against servers on this machine.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where it finds something else than it expects"
)]

mod receiver;

use std::iter::{once, repeat};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use peregrine_core::outbound::{OutboundRules, Refused};
use peregrine_core::web_url::WebUrl;
use peregrine_fetch::{Addrs, Answer, FetchError, Fetcher, Method, Name, Outgoing, Resolve, Resolving, StatusCode};

use crate::receiver::Receiver;

const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";

/// Resolves each name to the next of these addresses, from the last one on to itself.
struct Rebinding {
    addresses: Vec<SocketAddr>,
    asked: AtomicUsize,
}

impl Rebinding {
    fn to(addresses: &[SocketAddr]) -> Arc<Self> {
        Arc::new(Self { addresses: addresses.to_vec(), asked: AtomicUsize::new(0) })
    }
}

impl Resolve for Rebinding {
    fn resolve(&self, _: Name) -> Resolving {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let address = self.addresses[asked.min(self.addresses.len() - 1)];
        Box::pin(async move { Ok(Box::new([address].into_iter()) as Addrs) })
    }
}

fn rules(exceptions: &str) -> OutboundRules {
    OutboundRules::new(exceptions.parse().unwrap())
}

fn get(url: &WebUrl, milliseconds: u64) -> Outgoing {
    Outgoing {
        method: Method::GET,
        url: url.clone(),
        headers: Vec::new(),
        body: String::new(),
        time: Duration::from_millis(milliseconds),
    }
}

/// Asks a server that is excepted.
async fn ask(server: &Receiver, milliseconds: u64) -> Result<Answer, FetchError> {
    Fetcher::new(rules(&server.address().to_string())).unwrap().send(get(&server.url(), milliseconds)).await
}

#[tokio::test]
async fn an_excepted_server_is_asked_and_its_answer_given() {
    let server = Receiver::start([FINE.to_owned()]).await;
    let answer = ask(&server, 10_000).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-length"], "4");
    assert_eq!(answer.body(4).await.unwrap(), b"fine");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_on_this_machine_is_not_connected_to_by_address() {
    let server = Receiver::start([FINE.to_owned()]).await;
    let fetcher = Fetcher::new(OutboundRules::default()).unwrap();
    let error = fetcher.send(get(&server.url(), 10_000)).await.unwrap_err();
    // The port is looked at first; the address would have been refused as well.
    assert!(matches!(error, FetchError::Refused(Refused::Port)), "{error:?}");
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn a_server_on_this_machine_is_not_connected_to_by_name() {
    let resolver = Rebinding::to(&["127.0.0.1:80".parse().unwrap()]);
    let fetcher = Fetcher::with_resolver(OutboundRules::default(), resolver.clone()).unwrap();
    for url in ["http://example.com/", "https://example.com/", "http://example.com:8080/"] {
        let error = fetcher.send(get(&WebUrl::parse(url).unwrap(), 10_000)).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(Refused::Destination)), "{url}: {error:?}");
        assert_eq!(error.to_string(), "the address is not allowed");
    }
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_name_is_resolved_once_per_request_and_connected_to_where_it_led_then() {
    let (first, second) = (Receiver::start([FINE.to_owned()]).await, Receiver::start([FINE.to_owned()]).await);
    // The port comes from the resolver here, because that of the URL must not say which server is meant.
    let resolver = Rebinding::to(&[first.address(), second.address()]);
    let fetcher = Fetcher::with_resolver(rules("hooks.internal:80"), resolver.clone()).unwrap();
    let url = WebUrl::parse("http://hooks.internal/").unwrap();
    for (asked, requests) in [(1, [1, 0]), (2, [1, 1])] {
        let answer = fetcher.send(get(&url, 10_000)).await.unwrap();
        assert_eq!(answer.body(4).await.unwrap(), b"fine");
        assert_eq!(resolver.asked.load(Ordering::SeqCst), asked);
        assert_eq!([first.requests().len(), second.requests().len()], requests);
    }
}

#[tokio::test]
async fn an_exception_for_an_address_is_none_for_names_that_lead_there() {
    let server = Receiver::start([FINE.to_owned()]).await;
    let resolver = Rebinding::to(&[server.address()]);
    let fetcher = Fetcher::with_resolver(rules(&server.address().to_string()), resolver).unwrap();
    let error = fetcher.send(get(&WebUrl::parse("http://example.com/").unwrap(), 10_000)).await.unwrap_err();
    assert!(matches!(error, FetchError::Refused(Refused::Destination)), "{error:?}");
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let target = Receiver::start([FINE.to_owned()]).await;
    let head = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url());
    let server = Receiver::start([head]).await;
    let exceptions = format!("{} {}", server.address(), target.address());
    let fetcher = Fetcher::new(rules(&exceptions)).unwrap();
    let answer = fetcher.send(get(&server.url(), 10_000)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(answer.headers()["location"], target.url().as_str());
    assert_eq!(target.requests(), [""; 0]);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time() {
    let server = Receiver::start([]).await;
    let error = ask(&server, 50).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut), "{error:?}");
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up_in_time() {
    let server = Receiver::start(["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfi".to_owned()]).await;
    let read = async { ask(&server, 500).await?.body(4).await };
    let error = read.await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut), "{error:?}");
}

#[tokio::test]
async fn no_more_of_a_body_is_read_than_asked_for() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let server = Receiver::start(once(head).chain(repeat("4\r\nmore\r\n".to_owned()))).await;
    let error = ask(&server, 10_000).await.unwrap().body(100_000).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge(100_000)), "{error:?}");
}

#[tokio::test]
async fn heads_and_interim_answers_without_end_are_given_up() {
    let start = "HTTP/1.1 200 OK\r\n".to_owned();
    let fields = Receiver::start(once(start.clone()).chain((0..).map(|number| format!("x-{number}: x\r\n")))).await;
    let line = Receiver::start(once(format!("{start}x: ")).chain(repeat("x".repeat(1000)))).await;
    for server in [fields, line] {
        let error = ask(&server, 10_000).await.unwrap_err();
        assert!(matches!(error, FetchError::Unreadable(_)), "{error:?}");
    }
    let interim = Receiver::start(repeat("HTTP/1.1 100 Continue\r\n\r\n".to_owned())).await;
    let error = ask(&interim, 200).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut | FetchError::Unreadable(_)), "{error:?}");
}

#[tokio::test]
async fn an_error_says_neither_where_nor_what_was_found() {
    let server = Receiver::start(["SSH-2.0-OpenSSH_9.6\r\n".to_owned()]).await;
    let error = ask(&server, 10_000).await.unwrap_err();
    assert_eq!(error.to_string(), "the answer was not readable");
    let all = format!("{} {error:?}", peregrine_core::cause::with_causes(&error));
    for secret in ["OpenSSH", "127.0.0.1", "token=secret"] {
        assert!(!all.contains(secret), "{all}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_not_spoken_to_without() {
    let server = Receiver::start([FINE.to_owned()]).await;
    let fetcher = Fetcher::new(rules(&server.address().to_string())).unwrap();
    let url = WebUrl::parse(&format!("https://{}/?token=secret", server.address())).unwrap();
    let error = fetcher.send(get(&url, 500)).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable(_) | FetchError::TimedOut), "{error:?}");
    assert_eq!(server.requests(), [""; 0]);
}

/// Knows no name.
struct Ignorant;

impl Resolve for Ignorant {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Err("no such name".into()) })
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_and_a_name_that_is_none_are_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fetcher = Fetcher::with_resolver(rules(&closed.to_string()), Arc::new(Ignorant)).unwrap();
    for (url, expected) in [
        (format!("http://{closed}/"), "no connection could be made"),
        ("http://example.com/".to_owned(), "the host name could not be resolved"),
    ] {
        let error = fetcher.send(get(&WebUrl::parse(&url).unwrap(), 10_000)).await.unwrap_err();
        assert_eq!(error.to_string(), expected, "{error:?}");
    }
}
