//! The jobs, and the rows that keep their unique keys unique.

mod due;
mod list;
mod row;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use uuid::Uuid;

use super::replace::replace;
use super::row::Row;
use super::transaction::{NotDone, Transaction};
use super::{ConditionalWriteError, TableError};
use crate::aws::SdkConfig;
use crate::idempotency::{KeyUsed, Once};
use crate::job::{CLOCK_SKEW, Job, JobState, Lease, later};
use crate::queue::Queues;
use crate::settings::Environment;

pub use due::Due;
pub use list::JobFilter;
use row::{attributes, job_of, microseconds, state_shard};

/// The jobs, and the queues that tell workers of them. Whatever writes a job that waits also tells of it, so that no
/// caller can forget to.
#[derive(Debug, Clone)]
pub struct Jobs {
    client: Client,
    table: String,
    queues: Queues,
}

/// A job to be written in the transaction of what promises it.
#[derive(Debug, Clone, Copy)]
pub struct Promise<'a> {
    jobs: &'a Jobs,
    job: &'a Job,
}

/// A job could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum InsertJobError {
    /// The request's idempotency key has been used.
    #[error(transparent)]
    KeyUsed(KeyUsed),
    /// A job of the owner's with the same unique key is queued or running.
    #[error("there is such a job already")]
    Duplicate,
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Promise<'_> {
    /// Writes the job, and its unique key if it has one, unless a job with that key is queued or running.
    pub(super) fn add_to(&self, transaction: &mut Transaction) -> Result<(), TableError> {
        transaction.put(self.jobs.put(self.job)?.condition_expression("attribute_not_exists(id)"))?;
        self.jobs.guard(self.job).map_or(Ok(()), |guard| transaction.put(guard))
    }

    /// Tells the workers of the job, once it is written.
    pub(super) async fn announce(&self) {
        self.jobs.queues.announce(self.job, self.job.updated_at).await;
    }
}

impl Jobs {
    /// The table of this name, and its queues.
    pub fn new(client: Client, table: String, queues: Queues) -> Self {
        Self { client, table, queues }
    }

    /// Reads `JOBS_TABLE`, `EMAIL_QUEUE_URL` and `WEBHOOK_QUEUE_URL`.
    pub fn from_env(environment: &mut Environment, config: &SdkConfig) -> Self {
        let table = environment.text("JOBS_TABLE");
        Self::new(Client::new(config), table, Queues::from_env(environment, config))
    }

    /// The queues that tell workers of the jobs.
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// The job, to be written in the transaction of what promises it.
    pub fn promise<'a>(&'a self, job: &'a Job) -> Promise<'a> {
        Promise { jobs: self, job }
    }

    /// Makes a first call while the function starts, so that the first request finds the connection open. If it fails,
    /// so will the request, and report it.
    pub async fn connect(&self) {
        if let Err(error) = self.find(Uuid::nil(), Timestamp::UNIX_EPOCH).await {
            tracing::warn!(%error, "DynamoDB can't be reached yet");
        }
    }

    /// Stores a new job that is a promise of its own, and tells its workers; `once` is remembered in the same
    /// transaction.
    ///
    /// # Errors
    /// See [`InsertJobError`].
    pub async fn insert(&self, job: &Job, once: Option<&Once>) -> Result<(), InsertJobError> {
        let mut transaction = Transaction::default();
        let promise = self.promise(job);
        promise.add_to(&mut transaction)?;
        transaction.send_once(&self.client, once).await.map_err(|reason| match reason {
            NotDone::KeyUsed(used) => InsertJobError::KeyUsed(used),
            NotDone::Conditions(_) => InsertJobError::Duplicate,
            NotDone::Table(error) => InsertJobError::Table(error),
        })?;
        promise.announce().await;
        Ok(())
    }

    /// The job with this id, as of now. One that has expired is none, though DynamoDB may not have deleted it yet.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find(&self, id: Uuid, now: Timestamp) -> Result<Option<Job>, TableError> {
        Ok(self.read(id).await?.filter(|job| !job.is_expired(now)))
    }

    async fn read(&self, id: Uuid) -> Result<Option<Job>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        answer.item.map(job_of).transpose()
    }

    /// Begins an attempt. `None` if there is nothing to do: another one is under way, the job's time has not come, or
    /// it is finished, or forgotten.
    ///
    /// A job may be begun a little before its time: the clock of whoever promised it may differ from ours.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn claim(&self, id: Uuid, lease: Lease, now: Timestamp) -> Result<Option<Job>, TableError> {
        let names = [("#state", "state"), ("#version", "version"), ("#lease", "lease"), ("#due", "due_at")];
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_string()))
            .update_expression(
                "SET #state = :running, state_shard = :shard, #lease = :lease, lease_until = :until, #due = :until, \
                 updated_at = :time ADD attempts :one, #version :one",
            )
            .condition_expression(
                "(#state = :queued AND run_at <= :latest) OR (#state = :running AND lease_until <= :now)",
            )
            .set_expression_attribute_names(Some(names.map(|(key, name)| (key.to_owned(), name.to_owned())).into()))
            .expression_attribute_values(":queued", AttributeValue::S(JobState::Queued.to_string()))
            .expression_attribute_values(":running", AttributeValue::S(JobState::Running.to_string()))
            .expression_attribute_values(":shard", AttributeValue::S(state_shard(JobState::Running, id)))
            .expression_attribute_values(":lease", AttributeValue::S(lease.id.to_string()))
            .expression_attribute_values(":until", microseconds(lease.until))
            .expression_attribute_values(":time", AttributeValue::S(now.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":now", microseconds(now))
            .expression_attribute_values(":latest", microseconds(later(now, CLOCK_SKEW)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match sent {
            Ok(answer) => return job_of(answer.attributes.unwrap_or_default()).map(Some),
            Err(error) => error,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(TableError::call("UpdateItem", &error));
        };
        let job = failed.item.clone().map(job_of).transpose()?;
        // The SDK tries again when an answer does not come in time. Then what is in the way is this very claim.
        Ok(job.filter(|job| job.state == JobState::Running && job.lease == Some(lease)))
    }

    /// Records what became of a job: `new` in place of `old`, as it was read, and tells the workers if it waits. What a
    /// finished job leaves to be done, such as telling somebody, is promised in the same transaction, and its unique
    /// key is given up; a job that is revived takes its key again.
    ///
    /// # Errors
    /// See [`ConditionalWriteError`]. A worker whose lease has run out records nothing. Outdated also if another job
    /// has the unique key by now.
    pub async fn update(&self, old: &Job, new: &Job, promised: Option<&Job>) -> Result<(), ConditionalWriteError> {
        match self.write(old, new, promised).await {
            Ok(()) => {}
            // A transaction whose answer was lost is sent again. Then what is in the way is this very change.
            Err(ConditionalWriteError::Outdated) if self.read(new.id).await?.as_ref() == Some(new) => {}
            Err(error) => return Err(error),
        }
        for job in [Some(new), promised].into_iter().flatten() {
            if job.state == JobState::Queued {
                self.queues.announce(job, job.updated_at).await;
            }
        }
        Ok(())
    }

    async fn write(&self, old: &Job, new: &Job, promised: Option<&Job>) -> Result<(), ConditionalWriteError> {
        let put = self
            .put(new)?
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", AttributeValue::N(old.version.to_string()));
        let (had_guard, has_guard) = (old.finished_at.is_none(), new.finished_at.is_none());
        let given_up = guard_id(old).filter(|_| had_guard && !has_guard);
        let taken = self.guard(new).filter(|_| !had_guard && has_guard);
        if promised.is_none() && given_up.is_none() && taken.is_none() {
            let put =
                put.build().map_err(|error| TableError::Call { operation: "PutItem", cause: error.to_string() })?;
            return replace(&self.client, put).await;
        }
        let mut transaction = Transaction::default();
        transaction.put(put)?;
        if let Some(promised) = promised {
            self.promise(promised).add_to(&mut transaction)?;
        }
        if let Some(guard) = taken {
            transaction.put(guard)?;
        }
        if let Some(id) = given_up {
            transaction.delete(self.delete_guard(id, old))?;
        }
        transaction.send_conditional(&self.client).await
    }

    fn put(&self, job: &Job) -> Result<PutBuilder, TableError> {
        Ok(Put::builder().table_name(&self.table).set_item(Some(attributes(job)?)))
    }

    /// Reserves a job's unique key, if it has one.
    fn guard(&self, job: &Job) -> Option<PutBuilder> {
        let row = Row::new("jobs").with_text("id", guard_id(job)?).with_text("job_id", job.id.to_string());
        let put = Put::builder().table_name(&self.table).set_item(Some(row.into_attributes()));
        Some(put.condition_expression("attribute_not_exists(id)"))
    }

    fn delete_guard(&self, id: String, job: &Job) -> DeleteBuilder {
        Delete::builder()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id))
            // A job that outlived its guard, which nothing here does, must not take another one's.
            .condition_expression("attribute_not_exists(id) OR job_id = :job")
            .expression_attribute_values(":job", AttributeValue::S(job.id.to_string()))
    }
}

/// The id of the row that reserves a job's unique key. No job's id has a `#`.
fn guard_id(job: &Job) -> Option<String> {
    job.unique_key.as_ref().map(|key| format!("unique#{}#{key}", job.owner_id))
}

type Attributes = HashMap<String, AttributeValue>;
