//! Jobs: work that an answer promised and that is done after it.
//!
//! A job's row is written in the transaction of what promises it; a message in a queue only says that it is there. So the
//! row decides: what state the work is in, who does it, and how it ended. See `docs/jobs.md`.

mod retries;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::mail::Letter;
use crate::web_url::WebUrl;

pub use retries::{Retries, RetriesError};

/// Work that was promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Identifies the job for good.
    pub id: Uuid,
    /// On whose behalf it is done; they may look at it and cancel it.
    pub owner_id: Option<Uuid>,
    /// What is to be done.
    pub task: Task,
    /// How far it is.
    pub state: JobState,
    /// How often it has been begun.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Not to be done before this time.
    pub run_at: Timestamp,
    /// Where to tell how it ended.
    pub webhook: Option<WebUrl>,
    /// While a job with this key is queued or running, there is no other one.
    pub unique_key: Option<String>,
    /// When it was promised.
    pub created_at: Timestamp,
    /// When anything of this last changed.
    pub updated_at: Timestamp,
    /// When it succeeded, failed for good, or was cancelled.
    pub finished_at: Option<Timestamp>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits: for its time, for a worker, or for its next attempt.
    Queued,
    /// A worker is at it.
    Running,
    /// It is done.
    Succeeded,
    /// It was given up. An admin can have it tried again.
    Failed,
    /// Its owner or an admin called it off before it began.
    Cancelled,
}

/// What a job does: the payload that its worker gets, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Send a mail.
    Email(Letter),
    /// Tell another system how a job ended.
    Webhook(Delivery),
}

/// What another system is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Where to.
    pub url: WebUrl,
    /// Whose secret it is signed with.
    pub owner_id: Uuid,
    /// The JSON, the same at every attempt.
    pub body: String,
}

/// The queues, one per kind of work, so that a slow kind holds up no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Mail.
    Email,
    /// Webhooks.
    Webhook,
}
