use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::TableError;

/// How many rows are deleted side by side. One by one, and not by `BatchWriteItem`: whoever may call that may also put
/// rows, and credentials are not theirs to make who delete them.
const SIDE_BY_SIDE: usize = 25;

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
            .send();
        while let Some(page) = rows.next().await {
            let keys = page.map_err(|error| TableError::call("Query", &error))?.items.unwrap_or_default();
            for keys in keys.chunks(SIDE_BY_SIDE) {
                try_join_all(keys.iter().map(|key| self.delete(key))).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, key: &HashMap<String, AttributeValue>) -> Result<(), TableError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key.clone()));
        delete.send().await.map_err(|error| TableError::call("DeleteItem", &error))?;
        Ok(())
    }
}
