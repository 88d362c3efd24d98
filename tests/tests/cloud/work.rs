//! A bundle whose background work is looked at and interfered with.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use local::{CapturedMail, CloudOptions};
use peregrine_core::aws::AwsSettings;
use serde_json::{Value, json};
use tests::app::workspace;

use crate::client::{Bundle, json_of, until};

/// A bundle, an admin, and what tests look at behind the API.
pub(crate) struct Work {
    pub(crate) bundle: Bundle,
    pub(crate) token: String,
}

impl Work {
    pub(crate) async fn start() -> Self {
        Self::start_with(CloudOptions::ephemeral(workspace())).await
    }

    pub(crate) async fn start_with(options: CloudOptions) -> Self {
        let bundle = Bundle::start_with(options).await;
        let token = bundle.admin().await;
        Self { bundle, token }
    }

    /// A bundle with another template.
    pub(crate) async fn with_template(change: impl Fn(&str) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.yaml");
        let template = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
        let changed = change(&template);
        assert_ne!(changed, template);
        std::fs::write(&path, changed).unwrap();
        Self::start_with(CloudOptions { template: path, ..CloudOptions::ephemeral(workspace()) }).await
    }

    pub(crate) fn post(&self, message: &str) -> reqwest::RequestBuilder {
        let mail = json!({"email": "bob@example.com", "message": message});
        self.bundle.post("/api/v1/notifications").bearer_auth(&self.token).json(&mail)
    }

    /// Asks for a mail, and returns the job's id.
    pub(crate) async fn notify(&self, message: &str) -> String {
        let accepted = self.post(message).send().await.unwrap();
        assert_eq!(accepted.status(), 202);
        json_of(accepted).await["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn job(&self, id: &str) -> Value {
        let call = self.bundle.get(&format!("/api/v1/jobs/{id}")).bearer_auth(&self.token);
        json_of(call.send().await.unwrap()).await
    }

    /// Waits until a job is in a state, and returns it.
    pub(crate) async fn reached(&self, id: &str, state: &str) -> Value {
        until(&format!("the job {id} is {state}"), async || {
            let job = self.job(id).await;
            let has_ended = !job["finished_at"].is_null();
            assert!(job["state"] == state || !has_ended, "the job is not {state}: {job}");
            (job["state"] == state).then_some(job)
        })
        .await
    }

    /// The messages that were sent, and how often.
    pub(crate) fn sent(&self) -> BTreeMap<String, usize> {
        let mut sent = BTreeMap::new();
        for mail in self.bundle.cloud.mail() {
            *sent.entry(message_of(&mail)).or_default() += 1;
        }
        sent
    }

    /// Lets the time of a job pass, and that of whoever is at it, as if it were due; then the relay runs.
    pub(crate) async fn relay(&self, ids: &[&str]) -> Value {
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
    pub(crate) async fn idle(&self) {
        until("no worker is at anything", async || {
            let queue = self.queue("EmailQueue").await;
            let functions = json_of(self.bundle.get("/_local/functions").send().await.unwrap()).await;
            let mut functions = functions.as_array().unwrap().iter();
            let worker = functions.find(|function| function["function"] == "email-worker").unwrap();
            let is_idle = worker["sandboxes"].as_array().unwrap().iter().all(|sandbox| sandbox["state"] == "idle");
            (queue["messages"]["visible"] == 0 && is_idle).then_some(())
        })
        .await;
    }

    /// A queue, as it is now.
    pub(crate) async fn queue(&self, name: &str) -> Value {
        let queues = json_of(self.bundle.get("/_local/queues").send().await.unwrap()).await;
        queues.as_array().unwrap().iter().find(|queue| queue["name"] == name).unwrap().clone()
    }

    /// A bundle whose workers try again by another setting.
    pub(crate) async fn with_retries(retries: &str) -> Self {
        Self::with_template(|template| template.replace("attempts=12 first=10 longest=3600", retries)).await
    }

    /// Puts messages into the queue of mails, in one batch.
    pub(crate) async fn send(&self, bodies: &[&str]) {
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
    pub(crate) async fn tell(&self, ids: &[&str]) {
        let bodies: Vec<_> = ids.iter().map(|id| json!({"job": id}).to_string()).collect();
        self.send(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }

    pub(crate) async fn stop(self) {
        self.bundle.cloud.stop().await;
    }
}

/// What a notification says.
fn message_of(mail: &CapturedMail) -> String {
    mail.text.as_deref().unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}
