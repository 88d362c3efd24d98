//! What was promised is done, and done once, whatever dies meanwhile: the real functions and workers in the local cloud.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use local::{CapturedMail, CloudOptions, Held};
use peregrine_core::aws::AwsSettings;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tests::app::workspace;

use crate::client::{Bundle, json_of};

/// How long something may take that should take milliseconds, on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);
/// SES's operation.
const SEND: &str = "POST /v2/email/outbound-emails";

/// A bundle, an admin, and what tests look at behind the API.
struct Work {
    bundle: Bundle,
    token: String,
}

impl Work {
    async fn start() -> Self {
        Self::start_with(CloudOptions::ephemeral(workspace())).await
    }

    async fn start_with(options: CloudOptions) -> Self {
        let bundle = Bundle::start_with(options).await;
        let token = bundle.admin().await;
        Self { bundle, token }
    }

    /// A bundle with another template.
    async fn with_template(change: impl Fn(&str) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.yaml");
        let template = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
        let changed = change(&template);
        assert_ne!(changed, template);
        std::fs::write(&path, changed).unwrap();
        Self::start_with(CloudOptions { template: path, ..CloudOptions::ephemeral(workspace()) }).await
    }

    fn post(&self, message: &str) -> reqwest::RequestBuilder {
        let mail = json!({"email": "bob@example.com", "message": message});
        self.bundle.post("/api/v1/notifications").bearer_auth(&self.token).json(&mail)
    }

    /// Asks for a mail, and returns the job's id.
    async fn notify(&self, message: &str) -> String {
        let accepted = self.post(message).send().await.unwrap();
        assert_eq!(accepted.status(), 202);
        json_of(accepted).await["id"].as_str().unwrap().to_owned()
    }

    async fn job(&self, id: &str) -> Value {
        let call = self.bundle.get(&format!("/api/v1/jobs/{id}")).bearer_auth(&self.token);
        json_of(call.send().await.unwrap()).await
    }

    /// Waits until a job is in a state, and returns it.
    async fn reached(&self, id: &str, state: &str) -> Value {
        let looking = async {
            loop {
                let job = self.job(id).await;
                if job["state"] == state {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if let Ok(job) = tokio::time::timeout(PATIENCE, looking).await {
            return job;
        }
        let job = self.job(id).await;
        assert_eq!(job["state"], state, "{job}");
        job
    }

    /// The messages that were sent, and how often.
    fn sent(&self) -> BTreeMap<String, usize> {
        let mut sent = BTreeMap::new();
        for mail in self.bundle.cloud.mail() {
            *sent.entry(message_of(&mail)).or_default() += 1;
        }
        sent
    }

    /// Lets the time of a job pass, and that of whoever is at it, as if it were due; then the relay runs.
    async fn relay(&self, ids: &[&str]) -> Value {
        let config = AwsSettings::at(self.bundle.cloud.aws_url()).sdk_config();
        let table = aws_sdk_dynamodb::Client::new(&config);
        for id in ids {
            let key = || AttributeValue::S((*id).to_owned());
            let past = || AttributeValue::N("0".to_owned());
            let row = table.get_item().table_name("JobsTable").key("id", key()).send().await.unwrap().item.unwrap();
            let lease = if row.contains_key("lease_until") { ", lease_until = :past" } else { "" };
            let update = table.update_item().table_name("JobsTable").key("id", key());
            let update = update.update_expression(format!("SET due_at = :past{lease}"));
            update.expression_attribute_values(":past", past()).send().await.unwrap();
        }
        self.bundle.cloud.run_schedule("relay").await.unwrap()
    }

    /// Waits until no worker is at anything, nor has anything to begin.
    async fn idle(&self) {
        let waiting = async {
            loop {
                let queues = json_of(self.bundle.get("/_local/queues").send().await.unwrap()).await;
                let queue = queues.as_array().unwrap().iter().find(|queue| queue["name"] == "EmailQueue").unwrap();
                let functions = json_of(self.bundle.get("/_local/functions").send().await.unwrap()).await;
                let mut functions = functions.as_array().unwrap().iter();
                let worker = functions.find(|function| function["function"] == "email-worker").unwrap();
                let is_idle = worker["sandboxes"].as_array().unwrap().iter().all(|sandbox| sandbox["state"] == "idle");
                if queue["messages"]["visible"] == 0 && is_idle {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }

    /// A bundle whose workers try again by another setting.
    async fn with_retries(retries: &str) -> Self {
        Self::with_template(|template| template.replace("attempts=12 first=10 longest=3600", retries)).await
    }

    /// Puts messages into the queue of mails, in one batch.
    async fn send(&self, bodies: &[&str]) {
        let url = self.bundle.cloud.aws_url();
        let queue = aws_sdk_sqs::Client::new(&AwsSettings::at(url).sdk_config());
        for bodies in bodies.chunks(10) {
            let entries = bodies.iter().enumerate().map(|(index, body)| {
                let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
                entry.message_body(*body).build().unwrap()
            });
            let batch = queue.send_message_batch().queue_url(format!("{url}/000000000000/EmailQueue"));
            let sent = batch.set_entries(Some(entries.collect())).send().await.unwrap();
            assert!(sent.failed().is_empty());
        }
    }

    /// Tells the workers of jobs, as the functions do.
    async fn tell(&self, ids: &[&str]) {
        let bodies: Vec<_> = ids.iter().map(|id| json!({"job": id}).to_string()).collect();
        self.send(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }

    async fn stop(self) {
        self.bundle.cloud.stop().await;
    }
}

/// What a notification says.
fn message_of(mail: &CapturedMail) -> String {
    mail.text.as_deref().unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

fn once(messages: &[&str]) -> BTreeMap<String, usize> {
    messages.iter().map(|message| ((*message).to_owned(), 1)).collect()
}

/// Waits until a call is held.
async fn reach(held: &Held) {
    tokio::time::timeout(PATIENCE, held.reached()).await.unwrap();
}

/// The template with workers that are ended after twelve seconds, and messages that come back then, once.
fn with_short_timeouts(template: &str) -> String {
    let template = template.replace("Default: 30\n    MinValue: 15", "Default: 12\n    MinValue: 1");
    template
        .replace("VisibilityTimeout: 180", "VisibilityTimeout: 12")
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
async fn promising_costs_one_item_in_a_transaction_and_one_message() {
    let work = Work::start().await;
    work.reached(&work.notify("first").await, "succeeded").await;
    let faults = work.bundle.cloud.faults();
    let count = || {
        ["TransactWriteItems", "PutItem", "Query"].map(|call| faults.calls("dynamodb", call)).into_iter().sum::<u64>()
            + faults.calls("sqs", "SendMessage")
    };
    let held = faults.hold("sqs", "SendMessage");
    let before = count();
    let promising = tokio::spawn(work.post("second").send());
    reach(&held).await;
    assert_eq!(count() - before, 2);
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
    let ended = async {
        while work.bundle.processes("email-worker").await.iter().any(|pid| hanging.contains(pid)) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
    let job = work.job(&id).await;
    assert_eq!(job["state"], "running", "its lease goes on, so that nobody else begins: {job}");
    work.relay(&[&id]).await;
    assert_eq!(work.reached(&id, "succeeded").await["attempts"], 2);
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
    let parked = async {
        loop {
            let queues = json_of(work.bundle.get("/_local/queues").send().await.unwrap()).await;
            let dead = queues.as_array().unwrap().iter().find(|queue| queue["name"] == "EmailDeadLetters").unwrap();
            let mut bodies: Vec<_> =
                dead["dead_letters"].as_array().unwrap().iter().map(|message| message["body"].clone()).collect();
            if bodies.len() == 3 {
                bodies.sort_by_key(Value::to_string);
                return bodies;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let parked = tokio::time::timeout(PATIENCE, parked).await.unwrap();
    assert_eq!(parked, ["garbage", "{\"job\": 1}", "{}"]);
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
    let mut ids = Vec::new();
    for number in 0..60 {
        ids.push(work.notify(&format!("mail {number}")).await);
        if number % 6 == 5 {
            // Wherever the worker is just now.
            tokio::time::sleep(Duration::from_millis(number % 7)).await;
            work.bundle.kill("email-worker").await;
        }
    }
    let mut open: Vec<&str> = ids.iter().map(String::as_str).collect();
    while !open.is_empty() {
        work.idle().await;
        let mut left = Vec::new();
        for id in open {
            if work.job(id).await["state"] != "succeeded" {
                left.push(id);
            }
        }
        // Whoever was at what is left is dead.
        work.relay(&left).await;
        open = left;
    }
    let sent = work.sent();
    assert_eq!(sent.len(), ids.len(), "each was sent");
    for (number, id) in ids.iter().enumerate() {
        let attempts = work.job(id).await["attempts"].as_u64().unwrap();
        let times = sent[&format!("mail {number}")];
        assert!(u64::try_from(times).unwrap() <= attempts, "an attempt sends one mail: {times} in {attempts}");
    }
    work.stop().await;
}
