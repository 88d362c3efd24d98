use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::TableError;
use crate::token::{KeyId, PublicKey};

/// The public keys that access tokens are verified with.
#[derive(Debug, Clone)]
pub struct Keys {
    client: Client,
    table: String,
}

impl Keys {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Publishes a key, so that all functions accept what its owner signs. To publish a key again changes nothing, so no
    /// condition is needed. A key is accepted until its row is deleted and the sandboxes that know it have ended.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn publish(&self, key: &PublicKey) -> Result<(), TableError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("kid", AttributeValue::S(key.id().as_str().to_owned()))
            .item("public_key", AttributeValue::B(Blob::new(key.as_bytes())))
            .item("schema", AttributeValue::N("1".to_owned()))
            .send()
            .await
            .map_err(|error| TableError::call("PutItem", &error))?;
        Ok(())
    }

    /// The key with this id. `None` if it has never been published.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find(&self, id: &KeyId) -> Result<Option<PublicKey>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("kid", AttributeValue::S(id.as_str().to_owned()))
            // The first token of a new key can arrive right after the key.
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        let Some(row) = answer.item else { return Ok(None) };
        let key = match row.get("public_key") {
            Some(AttributeValue::B(bytes)) => PublicKey::from_bytes(bytes.as_ref()),
            _ => None,
        };
        key.map(Some).ok_or(TableError::Row { table: "keys", attribute: "public_key" })
    }
}
