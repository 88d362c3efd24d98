//! What receivers get, and what becomes of their answers.

#![expect(clippy::unwrap_used, reason = "a test fails where it finds something else than it expects")]

#[path = "../../../shared/fetch/tests/guard/receiver.rs"]
mod receiver;

use std::time::Duration;

use jiff::Timestamp;
use peregrine_core::clock::Clock;
use peregrine_core::job::{Delivery, Job, Task};
use peregrine_core::outbound::OutboundRules;
use peregrine_core::random::Random;
use peregrine_core::web_url::WebUrl;
use peregrine_core::webhook::WebhookSecrets;
use peregrine_fetch::header::{HeaderMap, HeaderName};
use peregrine_worker::{Failure, Work as _};
use standardwebhooks::Webhook;
use uuid::Uuid;
use webhook_worker::WebhookWork;

use crate::receiver::Receiver;

const BODY: &str = r#"{"type":"job.succeeded","data":{"subject":"Grüße"}}"#;
const OWNER: Uuid = Uuid::from_u128(7);

fn secrets() -> WebhookSecrets {
    WebhookSecrets::new(&"a secret of more than thirty-two characters".into())
}

fn delivery_to(url: &WebUrl) -> Job {
    let task = Task::Webhook(Delivery { url: url.clone(), owner_id: OWNER, body: BODY.to_owned() });
    Job::new(task, OWNER, Clock::system().now(), &Random::system())
}

fn work(exceptions: &str) -> WebhookWork {
    WebhookWork::new(secrets(), OutboundRules::new(exceptions.parse().unwrap()), Clock::system()).unwrap()
}

fn in_a_minute() -> Timestamp {
    Clock::system().now() + Duration::from_mins(1)
}

/// Delivers a webhook to a server that may be asked.
async fn deliver(server: &Receiver) -> Result<(), Failure> {
    work(&server.address().to_string()).perform(&delivery_to(&server.url()), in_a_minute()).await
}

fn answer(status: &str, fields: &str) -> [String; 1] {
    [format!("HTTP/1.1 {status}\r\n{fields}content-length: 0\r\n\r\n")]
}

/// The head's first line, the header fields, and the body of a request.
fn read(request: &str) -> (&str, HeaderMap, &str) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let (line, fields) = head.split_once("\r\n").unwrap();
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
    };
    (line, fields.lines().map(field).collect(), body)
}

#[tokio::test]
async fn a_receiver_can_verify_a_webhook_with_the_specifications_library() {
    let server = Receiver::start(answer("204 No Content", "")).await;
    let job = delivery_to(&server.url());
    work(&server.address().to_string()).perform(&job, in_a_minute()).await.unwrap();

    let requests = server.requests();
    let (line, headers, body) = read(&requests[0]);
    assert_eq!((line, body), ("POST /hooks?token=secret HTTP/1.1", BODY));
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("Peregrine-Webhooks/"), "{headers:?}");
    assert_eq!(headers["webhook-id"], job.id.to_string());

    let verify =
        |owner, body: &str| Webhook::new(&secrets().of(owner).expose()).unwrap().verify(body.as_bytes(), &headers);
    verify(OWNER, body).unwrap();
    assert!(verify(OWNER, "{}").is_err());
    assert!(verify(Uuid::from_u128(8), body).is_err());
}

#[tokio::test]
async fn a_repetition_has_the_same_id_and_body_and_a_signature_of_its_own_time() {
    let server = Receiver::start(answer("500 Internal Server Error", "")).await;
    let job = delivery_to(&server.url());
    for second in [1_800_000_000, 1_800_000_010] {
        let now = Timestamp::from_second(second).unwrap();
        let rules = OutboundRules::new(server.address().to_string().parse().unwrap());
        let work = WebhookWork::new(secrets(), rules, Clock::from_fn(move || now)).unwrap();
        work.perform(&job, now + Duration::from_mins(1)).await.unwrap_err();
    }
    let requests = server.requests();
    let [(_, first, first_body), (_, second, second_body)] = [read(&requests[0]), read(&requests[1])];
    assert_eq!((&first["webhook-id"], first_body), (&second["webhook-id"], second_body));
    assert_eq!(first["webhook-timestamp"], "1800000000");
    assert_eq!(second["webhook-timestamp"], "1800000010");
    assert_ne!(first["webhook-signature"], second["webhook-signature"]);
}

#[tokio::test]
async fn a_status_says_whether_it_is_done_worth_another_attempt_or_hopeless() {
    let retry = |cause: &str, after: Option<u64>| {
        Err(Failure::Retry { cause: cause.to_owned(), after: after.map(Duration::from_secs) })
    };
    for (status, fields, expected) in [
        ("200 OK", "", Ok(())),
        ("202 Accepted", "", Ok(())),
        ("410 Gone", "", Err(Failure::Permanent { cause: "the receiver is gone (410)".to_owned() })),
        ("429 Too Many Requests", "retry-after: 90\r\n", retry("the receiver answered 429", Some(90))),
        ("503 Service Unavailable", "retry-after: 90\r\n", retry("the receiver answered 503", Some(90))),
        ("503 Service Unavailable", "retry-after: soon\r\n", retry("the receiver answered 503", None)),
        ("503 Service Unavailable", "", retry("the receiver answered 503", None)),
        ("500 Internal Server Error", "retry-after: 90\r\n", retry("the receiver answered 500", None)),
        ("404 Not Found", "", retry("the receiver answered 404", None)),
        ("400 Bad Request", "", retry("the receiver answered 400", None)),
    ] {
        let server = Receiver::start(answer(status, fields)).await;
        assert_eq!(deliver(&server).await, expected, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Receiver::start(answer("200 OK", "")).await;
    let server = Receiver::start(answer("307 Temporary Redirect", &format!("location: {}\r\n", target.url()))).await;
    let exceptions = format!("{},{}", server.address(), target.address());
    let failure = work(&exceptions).perform(&delivery_to(&server.url()), in_a_minute()).await.unwrap_err();
    let cause = "the receiver answered with a redirect (307), and redirects are not followed".to_owned();
    assert_eq!(failure, Failure::Retry { cause, after: None });
    assert_eq!(target.requests(), [""; 0]);
}

#[tokio::test]
async fn a_receiver_that_hangs_is_given_up_before_the_deadline() {
    let server = Receiver::start([]).await;
    let now = Clock::system().now();
    let rules = OutboundRules::new(server.address().to_string().parse().unwrap());
    let work = WebhookWork::new(secrets(), rules, Clock::from_fn(move || now)).unwrap();
    let failure = work.perform(&delivery_to(&server.url()), now + Duration::from_secs(1)).await.unwrap_err();
    let cause = "the webhook was not delivered: there was no answer in time".to_owned();
    assert_eq!(failure, Failure::Retry { cause, after: None });
}

#[tokio::test]
async fn nothing_is_begun_when_no_time_is_left() {
    let server = Receiver::start(answer("200 OK", "")).await;
    for left in [Duration::ZERO, Duration::from_millis(900)] {
        let deadline = Clock::system().now() + left;
        let failure = work(&server.address().to_string()).perform(&delivery_to(&server.url()), deadline).await;
        assert!(matches!(failure, Err(Failure::Retry { .. })), "{failure:?}");
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn a_receiver_that_is_not_on_the_public_internet_is_refused_for_good() {
    for (url, cause) in [
        ("https://127.0.0.1/", "the address is not allowed"),
        ("https://169.254.169.254/latest/meta-data/", "the address is not allowed"),
        ("https://localhost/", "the address is not allowed"),
        ("http://example.com/", "the URL scheme must be 'https'"),
        ("https://example.com:22/", "the port is not allowed, only 80, 443, 8080 and 8443 are"),
        ("https://ann:secret@example.com/", "the URL must not contain a user name or a password"),
    ] {
        let failure = work("").perform(&delivery_to(&WebUrl::parse(url).unwrap()), in_a_minute()).await.unwrap_err();
        let cause = format!("the webhook was not delivered: {cause}");
        assert_eq!(failure, Failure::Permanent { cause }, "{url}");
    }
}
