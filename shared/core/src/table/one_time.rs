use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Delete};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use uuid::Uuid;

use super::TableError;
use super::also::Write;
use super::row::Row;
use crate::email::Email;
use crate::one_time::{OneTimeToken, Purpose, StoredToken};

/// The shape of a token's row that is written here.
const SCHEMA: u32 = 1;

/// The tokens that are good for one use: one row per user and purpose. In a table of their own, because the email worker
/// makes them, and `auth` alone makes other credentials.
#[derive(Debug, Clone)]
pub struct OneTimeTokens {
    client: Client,
    table: String,
}

impl OneTimeTokens {
    /// The tokens in the table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Stores a token that is about to be sent to this address. It takes the place of an earlier one, in which nobody
    /// can be interested any more, so nothing is expected of the row.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn put(&self, token: &OneTimeToken, email: &Email, now: Timestamp) -> Result<(), TableError> {
        let stored = token.stored(email, now);
        let row = Row::new("one-time tokens")
            .with_text("user_id", token.user_id().to_string())
            .with_text("purpose", token.purpose().as_str())
            .with_bytes("hash", stored.hash)
            .with_bytes("address_tag", stored.address_tag)
            .with_number("expires_at", &stored.expires_at.as_second())
            .with_number("schema", &SCHEMA);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(row.into_attributes()));
        put.send().await.map_err(|error| TableError::call("PutItem", &error))?;
        Ok(())
    }

    /// What is stored for the user and purpose of a token that somebody shows, as of now. It may be of another token,
    /// or have expired: see [`StoredToken::check`].
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find(&self, token: &OneTimeToken) -> Result<Option<StoredToken>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("user_id", user_key(token.user_id()))
            .key("purpose", purpose_key(token.purpose()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        let Some(mut row) = answer.item.map(|attributes| Row::read("one-time tokens", attributes)) else {
            return Ok(None);
        };
        let expires_at = Timestamp::from_second(row.take_parsed("expires_at")?);
        Ok(Some(StoredToken {
            hash: row.take_bytes("hash")?,
            address_tag: row.take_bytes("address_tag")?,
            expires_at: expires_at
                .map_err(|_| TableError::Row { table: "one-time tokens", attribute: "expires_at" })?,
        }))
    }

    /// Deletes a user's tokens, once the user is gone, without whom they open nothing.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn delete_all(&self, user_id: Uuid) -> Result<(), TableError> {
        try_join_all(Purpose::ALL.map(async |purpose| {
            let delete = self.client.delete_item().table_name(&self.table);
            let delete = delete.key("user_id", user_key(user_id)).key("purpose", purpose_key(purpose));
            delete.send().await.map_err(|error| TableError::call("DeleteItem", &error))
        }))
        .await?;
        Ok(())
    }

    /// Uses a token up, in the transaction of what it is good for. That fails if another request has done so, a newer
    /// token has taken its place, or it has expired.
    pub fn consumption(&self, token: &OneTimeToken, now: Timestamp) -> Write {
        Delete::builder()
            .table_name(&self.table)
            .key("user_id", user_key(token.user_id()))
            .key("purpose", purpose_key(token.purpose()))
            .condition_expression("#hash = :hash AND expires_at > :now")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":hash", AttributeValue::B(Blob::new(token.hash())))
            .expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()))
            .into()
    }
}

fn user_key(id: Uuid) -> AttributeValue {
    AttributeValue::S(id.to_string())
}

fn purpose_key(purpose: Purpose) -> AttributeValue {
    AttributeValue::S(purpose.as_str().to_owned())
}
