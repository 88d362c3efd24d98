mod list;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Put};

use super::also::Write;
use super::row::Row;
use super::{TableError, shard_of};
use crate::audit::AuditEvent;

pub use list::AuditFilter;

/// The shape of an event's row that is written here.
const SCHEMA: u32 = 1;
/// What is on record stays as it is.
const IS_NEW: &str = "attribute_not_exists(id)";

/// The audit trail: rows that are written once and never changed.
#[derive(Debug, Clone)]
pub struct Audit {
    client: Client,
    table: String,
}

impl Audit {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The event, to be written in the transaction of what happened.
    pub fn record(&self, event: &AuditEvent) -> Write {
        let row = attributes(event).into_attributes();
        Put::builder().table_name(&self.table).set_item(Some(row)).condition_expression(IS_NEW).into()
    }

    /// Writes an event of which nothing else remains, such as a refused sign-in.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn insert(&self, event: &AuditEvent) -> Result<(), TableError> {
        let row = attributes(event).into_attributes();
        let put = self.client.put_item().table_name(&self.table).set_item(Some(row)).condition_expression(IS_NEW);
        match put.send().await {
            Ok(_) => Ok(()),
            // The id is random: it is this very event, written by a call whose answer was lost.
            Err(error)
                if matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) =>
            {
                Ok(())
            }
            Err(error) => Err(TableError::call("PutItem", &error)),
        }
    }
}

fn attributes(event: &AuditEvent) -> Row {
    let actor = event.actor_id.map(|id| id.to_string());
    Row::new("audit")
        .with_text("user_id", event.user_id.to_string())
        .with_text("id", event.id.to_string())
        .with_text("list_shard", shard_of(event.id).to_string())
        .with_text("at", event.at.to_string())
        .with_text("action", event.action.as_str())
        .with_optional_text("actor_id", actor.as_deref())
        .with_text("address", event.address.to_string())
        .with_optional_text("detail", event.detail.as_deref())
        .with_number("expires_at", &event.expires_at().as_second())
        .with_number("schema", &SCHEMA)
}

fn event_of(attributes: HashMap<String, AttributeValue>) -> Result<AuditEvent, TableError> {
    let mut row = Row::read("audit", attributes);
    Ok(AuditEvent {
        id: row.take_id("id")?,
        at: row.take_time("at")?,
        action: row.take_parsed("action")?,
        user_id: row.take_id("user_id")?,
        actor_id: row.take_optional_parsed("actor_id")?,
        address: row.take_parsed("address")?,
        detail: row.take_optional_text("detail")?,
    })
}
