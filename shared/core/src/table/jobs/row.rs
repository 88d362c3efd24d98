//! The two directions of a job's row.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use uuid::Uuid;

use super::Attributes;
use crate::job::{Job, JobState, Lease};
use crate::table::row::Row;
use crate::table::{TableError, shard_of};
use crate::web_url::WebUrl;

/// The shape of a job's row that is written here.
const SCHEMA: u32 = 1;

/// A time that conditions compare: microseconds since 1970, which is all that a [`Clock`](crate::clock::Clock) tells.
pub(super) fn microseconds(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_microsecond().to_string())
}

/// The partition of the index `state` that a job is in.
pub(super) fn state_shard(state: JobState, id: Uuid) -> String {
    format!("{state}#{}", shard_of(id))
}

pub(super) fn attributes(job: &Job) -> Result<Attributes, TableError> {
    let task = serde_json::to_string(&job.task).map_err(|_| TableError::Row { table: "jobs", attribute: "task" })?;
    let mut row = Row::new("jobs")
        .with_text("id", job.id.to_string())
        .with_text("owner_id", job.owner_id.to_string())
        .with_text("owner_shard", format!("{}#{}", job.owner_id, shard_of(job.id)))
        .with_text("kind", job.task.kind().as_str())
        .with_text("task", task)
        .with_text("state", job.state.as_str())
        .with_text("state_shard", state_shard(job.state, job.id))
        .with_number("attempts", &job.attempts)
        .with_optional_text("last_error", job.last_error.as_deref())
        .with("run_at", microseconds(job.run_at))
        .with_optional_text("webhook", job.webhook.as_ref().map(WebUrl::as_str))
        .with_optional_text("unique_key", job.unique_key.as_deref())
        .with_text("created_at", job.created_at.to_string())
        .with_text("updated_at", job.updated_at.to_string())
        .with_optional_text("finished_at", job.finished_at.map(|time| time.to_string()).as_deref())
        .with_optional_number("expires_at", job.expires_at().map(Timestamp::as_second).as_ref())
        .with_number("version", &job.version)
        .with_number("schema", &SCHEMA);
    if let Some(lease) = job.lease {
        row = row.with_text("lease", lease.id.to_string()).with("lease_until", microseconds(lease.until));
    }
    // The index of what is due has no row of a finished job.
    if let Some(due_at) = job.due_at() {
        row = row.with_text("due_shard", shard_of(job.id).to_string()).with("due_at", microseconds(due_at));
    }
    Ok(row.into_attributes())
}

pub(super) fn job_of(attributes: Attributes) -> Result<Job, TableError> {
    let mut row = Row::read("jobs", attributes);
    let task = row.take_text("task")?;
    let unreadable = |attribute| TableError::Row { table: "jobs", attribute };
    let lease = match row.take_optional_parsed("lease")? {
        Some(id) => Some(Lease { id, until: take_microseconds(&mut row, "lease_until")? }),
        None => None,
    };
    let webhook = row.take_optional_text("webhook")?.map(|url| WebUrl::from_stored(&url)).transpose();
    Ok(Job {
        id: row.take_id("id")?,
        owner_id: row.take_id("owner_id")?,
        task: serde_json::from_str(&task).map_err(|_| unreadable("task"))?,
        state: row.take_parsed("state")?,
        attempts: row.take_parsed("attempts")?,
        last_error: row.take_optional_text("last_error")?,
        run_at: take_microseconds(&mut row, "run_at")?,
        lease,
        webhook: webhook.map_err(|_| unreadable("webhook"))?,
        unique_key: row.take_optional_text("unique_key")?,
        created_at: row.take_time("created_at")?,
        updated_at: row.take_time("updated_at")?,
        finished_at: row.take_optional_parsed("finished_at")?,
        version: row.take_parsed("version")?,
    })
}

pub(super) fn take_microseconds(row: &mut Row, name: &'static str) -> Result<Timestamp, TableError> {
    Timestamp::from_microsecond(row.take_parsed(name)?).map_err(|_| TableError::Row { table: "jobs", attribute: name })
}
