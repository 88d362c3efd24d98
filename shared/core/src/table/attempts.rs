use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::TableError;
use super::also::Write;
use super::row::Row;
use crate::lockout::Contender;
use crate::settings::Environment;

/// The shape of a row that is written here.
const SCHEMA: u32 = 1;
/// How often a count that met a transaction is tried in all: another attempt has just succeeded.
const TRIES: u32 = 5;
/// How long a row outlives its window, in seconds, for sandboxes whose clock is behind.
const SLACK: i64 = 300;

/// Counts attempts to show who one is, in the table of the rate limits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Attempts {
    client: Client,
    table: String,
    /// Failures that don't count where limits are not strict.
    overlooked: u32,
}

/// An attempt could not be counted, so nobody must hear how it was judged.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// Too many attempts have failed.
    #[error("too many attempts have failed")]
    Locked {
        /// How long to wait.
        wait: Duration,
    },
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Attempts {
    /// Attempts that are counted in the table of this name. Where limits are not `strict`, nobody fails often enough to
    /// wait.
    pub fn new(client: Client, table: String, strict: bool) -> Self {
        Self { client, table, overlooked: if strict { 0 } else { 100_000 } }
    }

    /// Reads `RATE_LIMITS_TABLE` and `STRICT_LIMITS`.
    pub fn from_env(environment: &mut Environment, client: Client) -> Self {
        let table = environment.text("RATE_LIMITS_TABLE");
        Self::new(client, table, environment.parsed("STRICT_LIMITS").unwrap_or(true))
    }

    /// Counts an attempt, unless the contender has to wait. One conditional write: of guesses that race each other, no
    /// more pass than if they came one after the other.
    ///
    /// # Errors
    /// See [`AttemptError`].
    pub async fn begin(&self, contender: &Contender, now: Timestamp) -> Result<(), AttemptError> {
        for attempt in 1.. {
            let Err(error) = self.counting(contender, now).send().await else { break };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let left = self.left(failed.item.clone().unwrap_or_default(), contender, now)?;
                    return Err(AttemptError::Locked { wait: left.max(Duration::from_secs(1)) });
                }
                Some(UpdateItemError::TransactionConflictException(_)) if attempt < TRIES => {
                    tokio::time::sleep(Duration::from_millis(20) * attempt).await;
                }
                _ => return Err(TableError::call("UpdateItem", &error).into()),
            }
        }
        Ok(())
    }

    /// The write that counts an attempt if the contender need not wait.
    fn counting(&self, contender: &Contender, now: Timestamp) -> UpdateItemFluentBuilder {
        let (number, second) = (|number: i64| AttributeValue::N(number.to_string()), now.as_second());
        let (backoff, (key, ends)) = (contender.backoff(), contender.window_at(now));
        // Whoever has failed no more than so often may go on if the last time is so long ago.
        let mut conditions = vec!["attribute_not_exists(failures)".to_owned(), "failures < :free".to_owned()];
        let mut call = self.client.update_item();
        let mut longest = Duration::ZERO;
        for (index, (most, wait)) in backoff.waits().enumerate() {
            conditions.push(format!("(failures <= :most{index} AND attempted_at <= :since{index})"));
            call = call
                .expression_attribute_values(format!(":most{index}"), number(self.counted(most)))
                .expression_attribute_values(format!(":since{index}"), number(second - seconds(wait)));
            longest = wait;
        }
        conditions.push("attempted_at <= :since_longest".to_owned());
        call.table_name(&self.table)
            .key("id", AttributeValue::S(key))
            .update_expression("SET attempted_at = :now, expires_at = :expires_at, #schema = :schema ADD failures :one")
            .condition_expression(conditions.join(" OR "))
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":free", number(self.counted(backoff.free)))
            .expression_attribute_values(":since_longest", number(second - seconds(longest)))
            .expression_attribute_values(":now", number(second))
            .expression_attribute_values(":expires_at", number(ends + SLACK))
            .expression_attribute_values(":schema", number(SCHEMA.into()))
            .expression_attribute_values(":one", number(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Where a contender's failures are counted at this time, for whoever reads it together with something else: the
    /// table's name and the key.
    pub(super) fn row_of(&self, contender: &Contender, now: Timestamp) -> (&str, String) {
        (&self.table, contender.window_at(now).0)
    }

    /// Whether the contender has to wait, by the row of its failures if there is one. Counts nothing: for contenders
    /// whose attempts are counted once they have failed, see [`Attempts::failed`].
    pub(super) fn check(
        &self,
        row: Option<HashMap<String, AttributeValue>>,
        contender: &Contender,
        now: Timestamp,
    ) -> Result<(), AttemptError> {
        let left = row.map(|row| self.left(row, contender, now)).transpose()?.unwrap_or_default();
        if left.is_zero() { Ok(()) } else { Err(AttemptError::Locked { wait: left }) }
    }

    /// Counts an attempt that has failed.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn failed(&self, contender: &Contender, now: Timestamp) -> Result<(), TableError> {
        match self.begin(contender, now).await {
            // Others have failed meanwhile, so that the contender has to wait already.
            Ok(()) | Err(AttemptError::Locked { .. }) => Ok(()),
            Err(AttemptError::Table(error)) => Err(error),
        }
    }

    /// How long whoever has this row has to wait.
    fn left(
        &self,
        row: HashMap<String, AttributeValue>,
        contender: &Contender,
        now: Timestamp,
    ) -> Result<Duration, TableError> {
        let mut row = Row::read("attempts", row);
        let failures: i64 = row.take_parsed("failures")?;
        let attempted_at: i64 = row.take_parsed("attempted_at")?;
        let failures = u32::try_from((failures - i64::from(self.overlooked)).max(0)).unwrap_or(u32::MAX);
        let until = attempted_at.saturating_add(seconds(contender.backoff().wait_after(failures)));
        Ok(Duration::from_secs(u64::try_from(until - now.as_second()).unwrap_or_default()))
    }

    /// Forgets the contender's failures, in the transaction of what has succeeded.
    pub fn forgetting(&self, contender: &Contender, now: Timestamp) -> Write {
        let (key, _) = contender.window_at(now);
        Delete::builder().table_name(&self.table).key("id", AttributeValue::S(key)).into()
    }

    /// Forgets the contender's failures, after an attempt that nothing else is written for has succeeded. If that fails,
    /// only the log says so: whoever was right must not hear of it in place of what they asked for.
    pub async fn forget(&self, contender: &Contender, now: Timestamp) {
        let (key, _) = contender.window_at(now);
        let delete = self.client.delete_item().table_name(&self.table).key("id", AttributeValue::S(key));
        if let Err(error) = delete.send().await {
            let error = TableError::call("DeleteItem", &error);
            tracing::error!(%error, "attempts before a success could not be forgotten");
        }
    }

    /// What a number of failures is in the table.
    fn counted(&self, failures: u32) -> i64 {
        i64::from(failures) + i64::from(self.overlooked)
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
