use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::TableError;
use super::row::Row;
use crate::lockout::{Contender, MEMORY};
use crate::settings::Environment;

/// The shape of a row that is written here.
const SCHEMA: u32 = 1;

/// Counts attempts to show who one is, in the table of the rate limits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Attempts {
    client: Client,
    table: String,
    /// Failures that don't count where limits are not strict.
    overlooked: u32,
}

/// An attempt could not be counted, so it must not be judged.
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

    /// Counts an attempt, unless the contender has to wait. One conditional write: of guesses that race each other, no more
    /// pass than if they came one after the other.
    ///
    /// # Errors
    /// See [`AttemptError`].
    pub async fn begin(&self, contender: &Contender, now: Timestamp) -> Result<(), AttemptError> {
        let (number, second) = (|number: i64| AttributeValue::N(number.to_string()), now.as_second());
        let backoff = contender.backoff();
        // Whoever has failed no more than so often may go on if the last time is so long ago.
        let mut conditions = vec!["attribute_not_exists(failures)".to_owned(), "failures < :free".to_owned()];
        let mut call =
            self.client.update_item().expression_attribute_values(":free", number(self.allowed(backoff.free)));
        let (mut index, mut longest) = (0, Duration::ZERO);
        for (most, wait) in backoff.waits() {
            conditions.push(format!("(failures <= :most{index} AND attempted_at <= :since{index})"));
            call = call
                .expression_attribute_values(format!(":most{index}"), number(self.allowed(most)))
                .expression_attribute_values(format!(":since{index}"), number(second - seconds(wait)));
            (index, longest) = (index + 1, wait);
        }
        conditions.push("attempted_at <= :since_longest".to_owned());
        let sent = call
            .expression_attribute_values(":since_longest", number(second - seconds(longest)))
            .table_name(&self.table)
            .key("id", AttributeValue::S(contender.key()))
            .update_expression("SET attempted_at = :now, expires_at = :expires_at, #schema = :schema ADD failures :one")
            .condition_expression(conditions.join(" OR "))
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":now", number(second))
            .expression_attribute_values(":expires_at", number(second + seconds(MEMORY)))
            .expression_attribute_values(":schema", number(SCHEMA.into()))
            .expression_attribute_values(":one", number(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let left = self.left(failed.item.clone().unwrap_or_default(), contender, now)?;
                Err(AttemptError::Locked { wait: left.max(Duration::from_secs(1)) })
            }
            _ => Err(TableError::call("UpdateItem", &error).into()),
        }
    }

    /// Whether the contender has to wait, without counting anything. For contenders whose attempts are counted once they
    /// have failed: see [`Attempts::failed`].
    ///
    /// # Errors
    /// See [`AttemptError`].
    pub async fn check(&self, contender: &Contender, now: Timestamp) -> Result<(), AttemptError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(contender.key()))
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        let left = answer.item.map(|row| self.left(row, contender, now)).transpose()?.unwrap_or_default();
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

    /// Forgets an account's failures, after one of its attempts has succeeded. Not in the transaction of what succeeded: whoever
    /// signs in several times at once would be in their own way.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn succeeded(&self, contender: &Contender) -> Result<(), TableError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let sent = delete.key("id", AttributeValue::S(contender.key())).send().await;
        sent.map_err(|error| TableError::call("DeleteItem", &error))?;
        Ok(())
    }

    /// Takes one attempt back that was not a failure. The earlier ones stay: whoever knows one password must not be free to
    /// guess others.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn take_back(&self, contender: &Contender) -> Result<(), TableError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(contender.key()))
            .update_expression("ADD failures :less")
            .condition_expression("failures > :none")
            .expression_attribute_values(":less", AttributeValue::N("-1".to_owned()))
            .expression_attribute_values(":none", AttributeValue::N("0".to_owned()))
            .send()
            .await;
        match sent {
            Err(error)
                if !matches!(error.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) =>
            {
                Err(TableError::call("UpdateItem", &error))
            }
            _ => Ok(()),
        }
    }

    /// How many failures that is here.
    fn allowed(&self, failures: u32) -> i64 {
        i64::from(failures) + i64::from(self.overlooked)
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
