//! What is due: jobs that somebody has to look after, because no worker has moved them in time.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use uuid::Uuid;

use super::row::{microseconds, take_microseconds};
use super::{Attributes, Jobs};
use crate::job::{CLOCK_SKEW, Kind, later};
use crate::table::row::Row;
use crate::table::{LIST_SHARDS, TableError};

/// The longest that a job is left to its queue.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// A job that is due, as the index tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The job.
    pub id: Uuid,
    /// Whose queue it belongs into; `None` for a kind of which another version of the code knows.
    pub kind: Option<Kind>,
    /// Not to be done before this time.
    pub run_at: Timestamp,
    /// Since when it is due.
    pub due_at: Timestamp,
}

impl Due {
    /// When to look again, if the job is sent now and nobody has moved it by then. The time doubles, so that jobs that
    /// wait in a long queue are not sent over and over, up to an hour, so that a queue that lost everything is filled
    /// soon.
    fn next(&self, now: Timestamp) -> Timestamp {
        let waited: Duration = now.duration_since(self.run_at).try_into().unwrap_or_default();
        later(now.max(self.run_at), waited.clamp(CLOCK_SKEW, LONGEST_REST))
    }
}

impl Jobs {
    /// The jobs that are due, at most `limit` of each shard, those that have waited longest first.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<Due>, TableError> {
        let shards = try_join_all((0..LIST_SHARDS).map(|shard| self.due_in(shard, now, limit))).await?;
        let mut due: Vec<Due> = shards.into_iter().flatten().map(due_of).collect::<Result<_, _>>()?;
        due.sort_unstable_by_key(|due| due.due_at);
        Ok(due)
    }

    async fn due_in(&self, shard: u8, now: Timestamp, limit: u16) -> Result<Vec<Attributes>, TableError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .limit(limit.into())
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_string()))
            .expression_attribute_values(":now", microseconds(now))
            .send()
            .await
            .map_err(|error| TableError::call("Query", &error))?;
        Ok(answer.items.unwrap_or_default())
    }

    /// Notes that a job has been looked after, unless somebody has moved it meanwhile.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn put_off(&self, due: &Due, now: Timestamp) -> Result<(), TableError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(due.id.to_string()))
            .update_expression("SET due_at = :next")
            .condition_expression("due_at = :due")
            .set_expression_attribute_values(Some(HashMap::from([
                (":next".to_owned(), microseconds(due.next(now))),
                (":due".to_owned(), microseconds(due.due_at)),
            ])))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(TableError::call("UpdateItem", &error)),
            },
        }
    }
}

fn due_of(attributes: Attributes) -> Result<Due, TableError> {
    let mut row = Row::read("jobs", attributes);
    Ok(Due {
        id: row.take_id("id")?,
        kind: row.take_text("kind")?.parse().ok(),
        run_at: take_microseconds(&mut row, "run_at")?,
        due_at: take_microseconds(&mut row, "due_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_in_a_long_queue_is_sent_again_ever_more_rarely() {
        let run_at = Timestamp::from_second(1_800_000_000).unwrap();
        let mut due = Due { id: Uuid::nil(), kind: Some(Kind::Email), run_at, due_at: later(run_at, CLOCK_SKEW) };
        let mut minutes = Vec::new();
        for _ in 0..8 {
            due.due_at = due.next(due.due_at);
            minutes.push(due.due_at.duration_since(run_at).as_mins());
        }
        assert_eq!(minutes, [2, 4, 8, 16, 32, 64, 124, 184]);
    }

    #[test]
    fn what_is_sent_ahead_of_its_time_is_looked_after_again_after_its_time() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let run_at = later(now, Duration::from_mins(1));
        let due = Due { id: Uuid::nil(), kind: Some(Kind::Email), run_at, due_at: now };
        assert_eq!(due.next(now), later(run_at, CLOCK_SKEW));
    }
}
