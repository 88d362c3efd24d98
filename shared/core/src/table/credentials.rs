use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use uuid::Uuid;

use super::TableError;

/// The most rows that one call deletes (the limit of `BatchWriteItem`).
const BATCH: usize = 25;
/// How often DynamoDB is asked to delete what it has left over of a batch.
const ATTEMPTS: u32 = 5;

/// All that users sign in with and have signed in to, whatever kind it is.
#[derive(Debug, Clone)]
pub struct Credentials {
    client: Client,
    table: String,
}

impl Credentials {
    /// The credentials' table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Deletes all that is a user's, once the user is gone. Not before: a user whose deletion comes to nothing must not
    /// be left without a second factor. Until it is done the rows open nothing, because whatever takes one of them
    /// reads its user too.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn delete_all(&self, user_id: Uuid) -> Result<(), TableError> {
        let mut rows = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", AttributeValue::S(user_id.to_string()))
            .projection_expression("user_id, entry")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut batch = Vec::new();
        while let Some(row) = rows.next().await {
            let key = row.map_err(|error| TableError::call("Query", &error))?;
            batch.push(deletion_of(key).map_err(|error| incomplete(&error))?);
            if batch.len() == BATCH {
                self.delete(std::mem::take(&mut batch)).await?;
            }
        }
        self.delete(batch).await
    }

    async fn delete(&self, mut left: Vec<WriteRequest>) -> Result<(), TableError> {
        for attempt in 0..ATTEMPTS {
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20) * attempt).await;
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.table, std::mem::take(&mut left))
                .send()
                .await
                .map_err(|error| TableError::call("BatchWriteItem", &error))?;
            left = answer.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
        }
        if left.is_empty() { Ok(()) } else { Err(TableError::Busy) }
    }
}

fn deletion_of(key: HashMap<String, AttributeValue>) -> Result<WriteRequest, BuildError> {
    DeleteRequest::builder()
        .set_key(Some(key))
        .build()
        .map(|delete| WriteRequest::builder().delete_request(delete).build())
}

fn incomplete(error: &BuildError) -> TableError {
    TableError::Call { operation: "BatchWriteItem", cause: error.to_string() }
}
