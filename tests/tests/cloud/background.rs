//! What was promised is done, and done once, whatever dies meanwhile: the real functions and workers in the local
//! cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local::{CloudOptions, Held};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tests::app::workspace;

use crate::client::{PATIENCE, json_of, until};
use crate::work::Work;

/// SES's operation.
const SEND: &str = "POST /v2/email/outbound-emails";

fn once(messages: &[&str]) -> BTreeMap<String, usize> {
    messages.iter().map(|message| ((*message).to_owned(), 1)).collect()
}

/// Waits until a call is held.
async fn reach(held: &Held) {
    tokio::time::timeout(PATIENCE, held.reached()).await.unwrap();
}

/// The template with workers that are ended after nine seconds, and messages that come back then, once.
fn with_short_timeouts(template: &str) -> String {
    let template = template.replace("Default: 30\n    MinValue: 15", "Default: 9\n    MinValue: 1");
    template
        .replace("VisibilityTimeout: 180", "VisibilityTimeout: 9")
        .replace("maxReceiveCount: 5", "maxReceiveCount: 1")
}

/// The template with a function whose clock is off.
fn with_clock(template: &str, function: &str, offset: i64) -> String {
    let code = format!("target/lambda/{function}/bootstrap.zip");
    let (before, after) = template.split_once(&code).unwrap();
    let variables = format!("Variables:\n          CLOCK_OFFSET: \"{offset}\"");
    format!("{before}{code}{}", after.replacen("Variables:", &variables, 1))
}

#[tokio::test]
async fn a_mail_that_was_promised_is_sent_once() {
    let work = Work::start().await;
    let id = work.notify("Hello").await;
    let job = work.reached(&id, "succeeded").await;
    assert_eq!((&job["attempts"], &job["last_error"]), (&json!(1), &Value::Null));
    assert_eq!(work.sent(), once(&["Hello"]));
    work.stop().await;
}

#[tokio::test]
async fn promising_costs_no_call_but_the_transaction_and_the_message() {
    let work = Work::start().await;
    work.reached(&work.notify("first").await, "succeeded").await;
    work.idle().await;
    let faults = work.bundle.cloud.faults();
    let before = faults.counts();
    let held = faults.hold("sqs", "SendMessage");
    let promising = tokio::spawn(work.post("second").send());
    reach(&held).await;
    let mut calls = faults.counts();
    for (call, times) in &before {
        *calls.get_mut(call).unwrap() -= times;
    }
    calls.retain(|_, times| *times > 0);
    let expected = [
        // Who asks, and whether they may ask once more.
        ("dynamodb GetItem", 1),
        ("dynamodb UpdateItem", 1),
        ("dynamodb TransactWriteItems", 1),
        ("sqs SendMessage", 1),
    ];
    assert_eq!(calls, expected.map(|(call, times)| (call.to_owned(), times)).into());
    held.release();
    assert_eq!(promising.await.unwrap().unwrap().status(), 202);
    work.stop().await;
}

#[tokio::test]
async fn a_function_that_dies_between_the_write_and_the_message_loses_nothing() {
    let work = Work::start().await;
    let held = work.bundle.cloud.faults().hold("sqs", "SendMessage");
    let asked = tokio::spawn(work.post("Hello").header("idempotency-key", "one").send());
    reach(&held).await;
    work.bundle.kill("jobs").await;
    held.lose();
    assert!(asked.await.unwrap().unwrap().status().is_server_error());
    // Whoever does not know whether it worked asks again.
    let again = work.post("Hello").header("idempotency-key", "one").send().await.unwrap();
    assert_eq!((again.status().as_u16(), &again.headers()["idempotent-replayed"]), (202, &"true".parse().unwrap()));
    let id = json_of(again).await["id"].as_str().unwrap().to_owned();
    assert_eq!(work.job(&id).await["state"], "queued");
    assert_eq!(work.relay(&[&id]).await["sent"], 1);
    work.reached(&id, "succeeded").await;
    assert_eq!(work.sent(), once(&["Hello"]));
    work.stop().await;
}

#[tokio::test]
async fn a_queue_that_cannot_be_reached_delays_and_loses_nothing() {
    let work = Work::start().await;
    work.bundle.cloud.faults().fail("sqs", "SendMessage", "ServiceUnavailable", 503, 3);
    let id = work.notify("Hello").await;
    assert_eq!(work.relay(&[&id]).await["sent"], 1);
    work.reached(&id, "succeeded").await;
    assert_eq!(work.sent(), once(&["Hello"]));
    work.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_before_it_sends_is_replaced_and_sends_once() {
    let work = Work::start().await;
    let held = work.bundle.cloud.faults().hold("ses", SEND);
    let id = work.notify("Hello").await;
    reach(&held).await;
    work.bundle.kill("email-worker").await;
    held.lose();
    assert_eq!(work.relay(&[&id]).await["sent"], 1);
    assert_eq!(work.reached(&id, "succeeded").await["attempts"], 2);
    assert_eq!(work.sent(), once(&["Hello"]));
    work.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_between_sending_and_recording_is_the_one_case_of_a_second_mail() {
    let work = Work::start().await;
    let held = work.bundle.cloud.faults().hold("dynamodb", "PutItem");
    let id = work.notify("Hello").await;
    reach(&held).await;
    assert_eq!(work.sent(), once(&["Hello"]));
    work.bundle.kill("email-worker").await;
    held.lose();
    work.relay(&[&id]).await;
    assert_eq!(work.reached(&id, "succeeded").await["attempts"], 2);
    assert_eq!(work.sent(), BTreeMap::from([("Hello".to_owned(), 2)]));
    work.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_after_recording_leaves_nothing_to_do() {
    let work = Work::start().await;
    let held = work.bundle.cloud.faults().hold_answer("dynamodb", "PutItem");
    let id = work.notify("Hello").await;
    reach(&held).await;
    work.bundle.kill("email-worker").await;
    held.lose();
    assert_eq!(work.job(&id).await["state"], "succeeded");
    // The message comes back, as it does when its worker has not answered for it.
    work.tell(&[&id]).await;
    work.reached(&work.notify("Another").await, "succeeded").await;
    assert_eq!(work.sent(), once(&["Hello", "Another"]));
    work.stop().await;
}

#[tokio::test]
async fn a_worker_that_hangs_is_ended_before_its_lease() {
    let work = Work::with_template(with_short_timeouts).await;
    let held = work.bundle.cloud.faults().hold("ses", SEND);
    let id = work.notify("Hello").await;
    reach(&held).await;
    let hanging = work.bundle.processes("email-worker").await;
    for pid in &hanging {
        kill_process(*pid, Signal::STOP).unwrap();
    }
    held.lose();
    until("the platform ends it", async || {
        let running = work.bundle.processes("email-worker").await;
        (!running.iter().any(|pid| hanging.contains(pid))).then_some(())
    })
    .await;
    let job = work.job(&id).await;
    assert_eq!(job["state"], "running", "its lease goes on, so that nobody else begins: {job}");
    work.relay(&[&id]).await;
    assert_eq!(work.reached(&id, "succeeded").await["attempts"], 2);
    assert_eq!(work.sent(), once(&["Hello"]));
    work.stop().await;
}

#[tokio::test]
async fn a_worker_whose_lease_has_run_out_records_nothing() {
    let work = Work::start().await;
    let faults = work.bundle.cloud.faults();
    faults.fail("ses", SEND, "BadRequestException", 400, 1);
    // Two workers are about to record what they have found: the first a refusal, the second that the mail is sent.
    let held = faults.hold("dynamodb", "PutItem");
    let id = work.notify("Hello").await;
    reach(&held).await;
    assert_eq!(work.relay(&[&id]).await["sent"], 1);
    tokio::time::timeout(PATIENCE, held.reached_by(2)).await.unwrap();
    held.release();
    assert_eq!(work.reached(&id, "succeeded").await["attempts"], 2);
    work.idle().await;
    assert_eq!(work.job(&id).await["state"], "succeeded", "and that stays");
    assert_eq!(work.sent(), once(&["Hello"]));
    work.stop().await;
}

#[tokio::test]
async fn a_message_that_comes_often_is_done_once() {
    let work = Work::start().await;
    let held = work.bundle.cloud.faults().hold("ses", SEND);
    let id = work.notify("Hello").await;
    reach(&held).await;
    work.tell(&[id.as_str(); 20]).await;
    held.release();
    work.reached(&id, "succeeded").await;
    work.tell(&[id.as_str(); 20]).await;
    work.reached(&work.notify("Another").await, "succeeded").await;
    assert_eq!(work.sent(), once(&["Hello", "Another"]));
    work.stop().await;
}

#[tokio::test]
async fn garbage_in_a_batch_holds_nothing_up_and_ends_with_the_dead_letters() {
    let work = Work::with_template(with_short_timeouts).await;
    work.bundle.cloud.faults().fail("sqs", "SendMessage", "ServiceUnavailable", 503, 6);
    let (first, second) = (work.notify("first").await, work.notify("second").await);
    let unknown = json!({"job": "0198f3c4-12ab-7d10-9f3e-6b5a4c3d2e1f"}).to_string();
    let [first_message, second_message] = [&first, &second].map(|id| json!({"job": id}).to_string());
    work.send(&["garbage", &first_message, "{\"job\": 1}", &unknown, "{}", &second_message]).await;
    for id in [&first, &second] {
        assert_eq!(work.reached(id, "succeeded").await["attempts"], 1);
    }
    assert_eq!(work.sent(), once(&["first", "second"]));
    let parked = until("three messages are parked", async || {
        let letters = work.queue("EmailDeadLetters").await["dead_letters"].clone();
        let bodies: BTreeSet<_> =
            letters.as_array().unwrap().iter().map(|letter| letter["body"].as_str().unwrap().to_owned()).collect();
        (bodies.len() == 3).then_some(bodies)
    })
    .await;
    assert_eq!(parked, ["garbage", "{\"job\": 1}", "{}"].map(str::to_owned).into());
    work.stop().await;
}

#[tokio::test]
async fn a_busy_mail_service_is_asked_again_and_one_that_refuses_is_not() {
    let work = Work::with_retries("attempts=3 first=1 longest=1").await;
    let faults = work.bundle.cloud.faults();
    faults.fail("ses", SEND, "TooManyRequestsException", 429, 2);
    let patient = work.reached(&work.notify("patient").await, "succeeded").await;
    assert_eq!(patient["attempts"], 3);

    faults.fail("ses", SEND, "BadRequestException", 400, 1);
    let refused = work.reached(&work.notify("refused").await, "failed").await;
    assert_eq!(refused["attempts"], 1);
    assert!(
        refused["last_error"].as_str().is_some_and(|error| !error.is_empty() && !error.contains("bob")),
        "{refused}"
    );

    faults.fail("ses", SEND, "TooManyRequestsException", 429, 3);
    let dead = work.reached(&work.notify("dead").await, "failed").await;
    assert_eq!(dead["attempts"], 3);
    assert_eq!(work.sent(), once(&["patient"]));

    let retry = work.bundle.post("/api/v1/jobs/retry").bearer_auth(&work.token).send().await.unwrap();
    assert_eq!(json_of(retry).await, json!({"revived": 2, "skipped": 0, "next": null}));
    for job in [refused, dead] {
        work.reached(job["id"].as_str().unwrap(), "succeeded").await;
    }
    assert_eq!(work.sent(), once(&["dead", "patient", "refused"]));
    work.stop().await;
}

#[tokio::test]
async fn a_mail_service_that_does_not_answer_is_given_up_and_asked_again() {
    let work = Work::with_template(|template| with_short_timeouts(template).replace("first=10", "first=1")).await;
    let held = work.bundle.cloud.faults().hold("ses", SEND);
    let id = work.notify("Hello").await;
    reach(&held).await;
    held.lose();
    assert_eq!(work.reached(&id, "succeeded").await["attempts"], 2);
    assert_eq!(work.sent(), once(&["Hello"]));
    work.stop().await;
}

#[tokio::test]
async fn a_table_that_throttles_delays_and_loses_nothing() {
    let work = Work::start().await;
    let faults = work.bundle.cloud.faults();
    for (error, call, operation, message) in [
        ("ThrottlingException", "SendMessage", "UpdateItem", "claimed"),
        ("ProvisionedThroughputExceededException", "SendMessage", "UpdateItem", "claimed, too"),
        ("ThrottlingException", SEND, "PutItem", "recorded"),
    ] {
        // The API itself has been through by then.
        let held = faults.hold(if call == SEND { "ses" } else { "sqs" }, call);
        let asked = tokio::spawn(work.post(message).send());
        reach(&held).await;
        faults.fail("dynamodb", operation, error, 400, 10);
        held.release();
        let id = json_of(asked.await.unwrap().unwrap()).await["id"].as_str().unwrap().to_owned();
        assert_eq!(work.reached(&id, "succeeded").await["attempts"], 1, "{message}");
    }
    assert_eq!(work.sent(), once(&["claimed", "claimed, too", "recorded"]));
    work.stop().await;
}

#[tokio::test]
async fn a_restart_of_everything_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = CloudOptions { data_dir: Some(folder.path().to_owned()), ..CloudOptions::ephemeral(workspace()) };
    let work = Work::start_with(options.clone()).await;
    let held = work.bundle.cloud.faults().hold("ses", SEND);
    let messages: Vec<String> = (0..15).map(|number| format!("mail {number}")).collect();
    let mut ids = Vec::new();
    for message in &messages {
        ids.push(work.notify(message).await);
    }
    reach(&held).await;
    assert!(work.sent().is_empty());
    for pid in work.bundle.processes("email-worker").await {
        kill_process(pid, Signal::KILL).unwrap();
    }
    work.stop().await;
    drop(held);

    let work = Work::start_with(options).await;
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    assert_eq!(work.relay(&ids).await["sent"], 15);
    for id in &ids {
        work.reached(id, "succeeded").await;
    }
    assert_eq!(work.sent(), messages.into_iter().map(|message| (message, 1)).collect());
    work.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_a_minute_off_delays_nothing_and_doubles_nothing() {
    for (function, offset) in [("email-worker", 60), ("email-worker", -60), ("jobs", 60), ("relay", 60)] {
        let work = Work::with_template(|template| with_clock(template, function, offset)).await;
        let id = work.notify("Hello").await;
        let job = work.reached(&id, "succeeded").await;
        assert_eq!(job["attempts"], 1, "{function} by {offset} seconds");
        work.bundle.cloud.run_schedule("relay").await.unwrap();
        work.tell(&[&id]).await;
        work.reached(&work.notify("Another").await, "succeeded").await;
        assert_eq!(work.sent(), once(&["Another", "Hello"]), "{function} by {offset} seconds");
        work.stop().await;
    }
}

#[tokio::test]
async fn random_kills_lose_nothing() {
    let work = Work::start().await;
    let (mut ids, mut kills) = (Vec::new(), 0);
    for number in 0..60 {
        ids.push(work.notify(&format!("mail {number}")).await);
        if number % 6 == 5 {
            // Wherever the worker is just now.
            tokio::time::sleep(Duration::from_millis(number % 7)).await;
            kills += work.bundle.kill("email-worker").await;
        }
    }
    let mut rounds = 0;
    let mut open: Vec<&str> = ids.iter().map(String::as_str).collect();
    while !open.is_empty() {
        work.idle().await;
        let mut left = Vec::new();
        for id in open {
            if work.job(id).await["state"] != "succeeded" {
                left.push(id);
            }
        }
        rounds += 1;
        assert!(rounds < 20, "left after {rounds} rounds: {left:?}");
        // Whoever was at what is left is dead.
        work.relay(&left).await;
        open = left;
    }
    let sent = work.sent();
    assert_eq!(sent.len(), ids.len(), "each was sent");
    let mut doubled = 0;
    for (number, id) in ids.iter().enumerate() {
        let (attempts, times) = (work.job(id).await["attempts"].clone(), sent[&format!("mail {number}")]);
        assert!(times == 1 || attempts != 1, "one attempt sends one mail: {times} of mail {number}");
        doubled += times - 1;
    }
    // A worker has ten messages at most.
    assert!(doubled <= 10 * kills, "{doubled} mails were sent twice by {kills} kills");
    work.stop().await;
}
