use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, Update};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use uuid::Uuid;

use super::TableError;
use super::also::Also;
use super::row::Row;
use super::transaction::{NotDone, Transaction};
use crate::api_key::{ApiKey, ApiKeyHash, PresentedApiKey};
use crate::idempotency::{KeyUsed, Once};
use crate::scope::Scopes;

/// The shape of the rows that are written here.
const SCHEMA: u32 = 1;
/// What the sort keys of API keys begin with.
const PREFIX: &str = "api-key#";
/// The sort key of the row that counts how often a user has created a key.
const COUNTER: &str = "api-keys";
/// What both begin with.
const BOTH: &str = "api-key";

/// The API keys of all users: rows of the credentials' table, side by side with a user's other credentials.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    client: Client,
    table: String,
}

/// The keys that a user has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldApiKeys {
    /// The keys, the oldest first. Some may have expired.
    pub keys: Vec<ApiKey>,
    /// How often the user has created one.
    created: u64,
}

impl HeldApiKeys {
    /// The keys that have not expired.
    pub fn live(self, epoch: u64, now: Timestamp) -> impl Iterator<Item = ApiKey> {
        self.keys.into_iter().filter(move |key| key.is_live(epoch, now))
    }
}

/// A key could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum InsertApiKeyError {
    /// The user has created another key meanwhile, or what was to hold besides does not.
    #[error("somebody else has changed what the key depends on")]
    Outdated,
    /// The request's idempotency key has been used.
    #[error(transparent)]
    KeyUsed(KeyUsed),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl ApiKeys {
    /// The keys in the credentials' table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Stores a new key, if its owner has created none since `held` was read: so of requests that race each other none
    /// exceeds the number of keys that a user can have.
    ///
    /// # Errors
    /// See [`InsertApiKeyError`].
    pub async fn insert(
        &self,
        key: &ApiKey,
        hash: &ApiKeyHash,
        held: &HeldApiKeys,
        also: &Also<'_>,
        once: Option<&Once>,
    ) -> Result<(), InsertApiKeyError> {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let row = attributes(key).with_bytes("hash", hash.as_bytes());
        let count = Update::builder()
            .table_name(&self.table)
            .set_key(Some(row_key(key.user_id, COUNTER.to_owned())))
            .update_expression("SET created = :next, #schema = :schema")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":next", number(held.created + 1))
            .expression_attribute_values(":schema", number(SCHEMA.into()));
        let count = if held.created == 0 {
            count.condition_expression("attribute_not_exists(created)")
        } else {
            count
                .condition_expression("created = :created")
                .expression_attribute_values(":created", number(held.created))
        };
        let mut transaction = Transaction::default();
        transaction.put(Put::builder().table_name(&self.table).set_item(Some(row.into_attributes())))?;
        transaction.update(count)?;
        also.add_to(&mut transaction)?;
        transaction.send_once(&self.client, once).await.map_err(|reason| match reason {
            NotDone::KeyUsed(used) => InsertApiKeyError::KeyUsed(used),
            NotDone::Conditions(_) => InsertApiKeyError::Outdated,
            NotDone::Table(error) => error.into(),
        })?;
        also.announce().await;
        Ok(())
    }

    /// The key that is presented, as of now, if its text is the one that was issued. It may have expired.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find(&self, presented: &PresentedApiKey) -> Result<Option<ApiKey>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(row_key(presented.user_id, entry(presented.id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        let Some(attributes) = answer.item else { return Ok(None) };
        let mut row = Row::read("api keys", attributes);
        let hash = ApiKeyHash::from_stored(row.take_bytes("hash")?);
        // Hashes of what nobody can guess: how far they agree tells nothing of the text.
        if hash == presented.hash { api_key_of(row).map(Some) } else { Ok(None) }
    }

    /// The user's keys that are stored.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn list(&self, user_id: Uuid) -> Result<HeldApiKeys, TableError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("user_id = :user AND begins_with(entry, :prefix)")
            .expression_attribute_values(":user", AttributeValue::S(user_id.to_string()))
            .expression_attribute_values(":prefix", AttributeValue::S(BOTH.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut held = HeldApiKeys { keys: Vec::new(), created: 0 };
        while let Some(row) = pages.next().await {
            let mut row = Row::read("api keys", row.map_err(|error| TableError::call("Query", &error))?);
            match row.take_text("entry")?.as_str() {
                COUNTER => held.created = row.take_parsed("created")?,
                _ => held.keys.push(api_key_of(row)?),
            }
        }
        Ok(held)
    }

    /// Deletes a user's key, and whether there was one.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn delete(&self, user_id: Uuid, id: Uuid, also: &Also<'_>) -> Result<bool, TableError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(row_key(user_id, entry(id))))
            .condition_expression("attribute_exists(entry)");
        let mut transaction = Transaction::default();
        transaction.delete(delete)?;
        also.add_to(&mut transaction)?;
        if transaction.send(&self.client).await?.is_err() {
            return Ok(false);
        }
        also.announce().await;
        Ok(true)
    }

    /// Deletes all keys of a user that have been stored before.
    ///
    /// Whoever wants no key to be left ends the user's sessions first: no key is stored for a user whose sessions have
    /// ended since the request was let in.
    ///
    /// # Errors
    /// See [`TableError`]. Some keys may then be gone already; to do it again does no harm.
    pub async fn delete_all(&self, user_id: Uuid) -> Result<(), TableError> {
        let held = self.list(user_id).await?;
        let deletions = held.keys.iter().map(|key| async {
            let key = row_key(user_id, entry(key.id));
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key));
            delete.send().await.map_err(|error| TableError::call("DeleteItem", &error))
        });
        try_join_all(deletions).await.map(drop)
    }
}

fn entry(id: Uuid) -> String {
    format!("{PREFIX}{id}")
}

fn row_key(user_id: Uuid, entry: String) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("user_id".to_owned(), AttributeValue::S(user_id.to_string())),
        ("entry".to_owned(), AttributeValue::S(entry)),
    ])
}

fn attributes(key: &ApiKey) -> Row {
    Row::new("api keys")
        .with_text("user_id", key.user_id.to_string())
        .with_text("entry", entry(key.id))
        .with_text("id", key.id.to_string())
        .with_text("name", &key.name)
        .with_texts("scopes", key.scopes.iter().map(crate::scope::Scope::as_str))
        .with_number("epoch", &key.epoch)
        .with_text("created_at", key.created_at.to_string())
        .with_number("expires_at", &key.expires_at.as_second())
        .with_number("schema", &SCHEMA)
}

fn api_key_of(mut row: Row) -> Result<ApiKey, TableError> {
    let expires_at = Timestamp::from_second(row.take_parsed("expires_at")?);
    Ok(ApiKey {
        id: row.take_id("id")?,
        user_id: row.take_id("user_id")?,
        name: row.take_text("name")?,
        scopes: Scopes::parse_lenient(&row.take_texts("scopes")?.join(" ")),
        epoch: row.take_parsed("epoch")?,
        created_at: row.take_time("created_at")?,
        expires_at: expires_at.map_err(|_| TableError::Row { table: "api keys", attribute: "expires_at" })?,
    })
}
