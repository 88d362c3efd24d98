//! The queues that tell workers of jobs. A queue may forget everything: the jobs are in their table, and the relay
//! sends what nobody has begun in time.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{SendMessageBatchRequestEntry, SendMessageBatchResultEntry};
use futures_util::future::try_join;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aws::SdkConfig;
use crate::cause::with_causes;
use crate::job::{Job, Kind};
use crate::settings::Environment;

/// Most messages of a batch (a limit of SQS).
pub const BATCH: usize = 10;

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The job that can be begun.
    pub job: Uuid,
}

/// The queues, one per kind of work. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
    email: String,
    webhook: String,
}

/// A queue did not take a message.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed: {cause}")]
pub struct QueueError {
    operation: &'static str,
    cause: String,
}

impl Queues {
    /// The queues at these addresses.
    pub fn new(client: Client, email: String, webhook: String) -> Self {
        Self { client, email, webhook }
    }

    /// Reads `EMAIL_QUEUE_URL` and `WEBHOOK_QUEUE_URL`.
    pub fn from_env(environment: &mut Environment, config: &SdkConfig) -> Self {
        Self::new(Client::new(config), environment.text("EMAIL_QUEUE_URL"), environment.text("WEBHOOK_QUEUE_URL"))
    }

    /// Tells the workers of a job that has been promised. If the queue can't be reached the log says so, and the relay
    /// will send it: what was promised is in the table. A job that is too far off for a queue is left to the relay as
    /// well.
    pub(crate) async fn announce(&self, job: &Job, now: Timestamp) {
        let Some(delay) = job.delay(now) else { return };
        if let Err(error) = self.send(job.task.kind(), job.id, delay).await {
            tracing::warn!(%error, job = %job.id, "a job could not be sent to its queue; the relay will");
        }
    }

    /// Sends one message, which arrives after `delay`.
    ///
    /// # Errors
    /// See [`QueueError`].
    pub async fn send(&self, kind: Kind, job: Uuid, delay: Duration) -> Result<(), QueueError> {
        let sent = self
            .client
            .send_message()
            .queue_url(self.url(kind))
            .message_body(body(job)?)
            .delay_seconds(seconds(delay))
            .send()
            .await;
        sent.map(drop).map_err(|error| QueueError { operation: "SendMessage", cause: with_causes(&error) })
    }

    /// Sends at most [`BATCH`] messages, each with its delay. Returns which the queue has taken, in order.
    ///
    /// # Errors
    /// See [`QueueError`]; then it has taken none, as far as is known.
    pub async fn send_batch(&self, kind: Kind, jobs: &[(Uuid, Duration)]) -> Result<Vec<bool>, QueueError> {
        let failed = |cause: String| QueueError { operation: "SendMessageBatch", cause };
        let entries = jobs.iter().enumerate().map(|(index, (job, delay))| {
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body(*job)?);
            entry.delay_seconds(seconds(*delay)).build().map_err(|error| failed(error.to_string()))
        });
        let entries = entries.collect::<Result<_, QueueError>>()?;
        let batch = self.client.send_message_batch().queue_url(self.url(kind)).set_entries(Some(entries));
        let answer = batch.send().await.map_err(|error| failed(with_causes(&error)))?;
        for refused in answer.failed() {
            tracing::warn!(code = refused.code(), kind = %kind, "a queue has refused a message");
        }
        let taken: Vec<&str> = answer.successful().iter().map(SendMessageBatchResultEntry::id).collect();
        Ok((0..jobs.len()).map(|index| taken.contains(&index.to_string().as_str())).collect())
    }

    /// Asks whether the queues answer.
    ///
    /// # Errors
    /// See [`QueueError`].
    pub async fn ping(&self) -> Result<(), QueueError> {
        let ask = async |url: &str| {
            let asked = self.client.get_queue_attributes().queue_url(url).send().await;
            asked.map(drop).map_err(|error| QueueError { operation: "GetQueueAttributes", cause: with_causes(&error) })
        };
        try_join(ask(&self.email), ask(&self.webhook)).await.map(drop)
    }

    fn url(&self, kind: Kind) -> &str {
        match kind {
            Kind::Email => &self.email,
            Kind::Webhook => &self.webhook,
        }
    }
}

fn body(job: Uuid) -> Result<String, QueueError> {
    serde_json::to_string(&Message { job })
        .map_err(|error| QueueError { operation: "SendMessage", cause: error.to_string() })
}

/// Whole seconds, rounded up: what arrives too early has to wait again.
fn seconds(delay: Duration) -> i32 {
    i32::try_from(delay.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}
