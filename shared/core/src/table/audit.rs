use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::Put;

use super::also::Write;
use super::row::Row;
use super::{TableError, shard_of};
use crate::audit::AuditEvent;

/// The shape of an event's row that is written here.
const SCHEMA: u32 = 1;

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
        Put::builder().table_name(&self.table).set_item(Some(attributes(event).into_attributes())).into()
    }

    /// Writes an event of which nothing else remains, such as a refused sign-in.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn insert(&self, event: &AuditEvent) -> Result<(), TableError> {
        let row = attributes(event).into_attributes();
        let put = self.client.put_item().table_name(&self.table).set_item(Some(row));
        put.send().await.map_err(|error| TableError::call("PutItem", &error))?;
        Ok(())
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
