use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put};
use jiff::Timestamp;
use uuid::Uuid;

use super::also::{Also, Write};
use super::merge::{Order, ShardedList, page_of};
use super::row::Row;
use super::transaction::Transaction;
use super::{ConditionalWriteError, TableError};
use crate::page::{Page, PageRequest};
use crate::scope::Scopes;
use crate::session::Session;

/// The shape of a session's row that is written here.
const SCHEMA: u32 = 1;
/// What the sort keys of sessions begin with.
const PREFIX: &str = "session#";

/// The sessions of all users: rows of the credentials' table, side by side with a user's other credentials.
#[derive(Debug, Clone)]
pub struct Sessions {
    client: Client,
    table: String,
}

impl Sessions {
    /// The sessions in the credentials' table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Stores a session that begins, and what belongs to its beginning.
    ///
    /// # Errors
    /// [`ConditionalWriteError::Outdated`] if a condition of what belongs to it fails.
    pub async fn insert(&self, session: &Session, also: &Also<'_>) -> Result<(), ConditionalWriteError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(attributes(session).into_attributes()));
        let mut transaction = Transaction::default();
        transaction.put(put)?;
        also.add_to(&mut transaction)?;
        // Contention is no answer to a condition.
        transaction.send(&self.client).await?.map_err(|_| ConditionalWriteError::Outdated)?;
        also.announce().await;
        Ok(())
    }

    /// The user's session with this id, as of now.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find(&self, user_id: Uuid, id: Uuid) -> Result<Option<Session>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(user_id, id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        answer.item.map(session_of).transpose()
    }

    /// Replaces the refresh token of a session, as it was read, by the next one, and is the session after that.
    ///
    /// # Errors
    /// [`ConditionalWriteError::Outdated`] if another request has just done so, or the session is gone.
    pub async fn rotate(&self, session: &Session, now: Timestamp) -> Result<Session, ConditionalWriteError> {
        let rotated = Session { generation: session.generation + 1, rotated_at: now, ..session.clone() };
        let number = |number: String| AttributeValue::N(number);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(session.user_id, session.id)))
            .update_expression("SET generation = :next, rotated_at = :now, expires_at = :expires_at")
            .condition_expression("generation = :generation")
            .expression_attribute_values(":next", number(rotated.generation.to_string()))
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .expression_attribute_values(":expires_at", number(rotated.expires_at().as_second().to_string()))
            .expression_attribute_values(":generation", number(session.generation.to_string()))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(rotated),
            Err(SdkError::ServiceError(error))
                if matches!(
                    error.err(),
                    UpdateItemError::ConditionalCheckFailedException(_)
                        | UpdateItemError::TransactionConflictException(_)
                ) =>
            {
                Err(ConditionalWriteError::Outdated)
            }
            Err(error) => Err(TableError::call("UpdateItem", &error).into()),
        }
    }

    /// A page of the user's sessions, the newest first. It can lag behind by moments, and some may be over: see
    /// [`Session::is_live`].
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn list(&self, user_id: Uuid, page: &PageRequest) -> Result<Page<Session>, TableError> {
        let list = ShardedList {
            client: &self.client,
            table: &self.table,
            index: None,
            partition_key: "user_id",
            // All that is a user's lies together: there is little of it.
            partitions: vec![user_id.to_string()],
            sort_key: "entry",
            prefix: PREFIX.to_owned(),
            order: Order::Descending,
        };
        let (rows, next) = page_of(list, page).await?;
        let entries = rows.into_iter().map(|(_, row)| session_of(row)).collect::<Result<_, _>>()?;
        Ok(Page { entries, next })
    }

    /// Forgets a session, in the transaction that ends it.
    pub fn removal(&self, user_id: Uuid, id: Uuid) -> Write {
        Delete::builder().table_name(&self.table).set_key(Some(key(user_id, id))).into()
    }
}

fn key(user_id: Uuid, id: Uuid) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("user_id".to_owned(), AttributeValue::S(user_id.to_string())),
        ("entry".to_owned(), AttributeValue::S(format!("{PREFIX}{id}"))),
    ])
}

fn attributes(session: &Session) -> Row {
    Row::new("sessions")
        .with_text("user_id", session.user_id.to_string())
        .with_text("entry", format!("{PREFIX}{}", session.id))
        .with_text("id", session.id.to_string())
        .with_number("epoch", &session.epoch)
        .with_number("generation", &session.generation)
        .with_text("rotated_at", session.rotated_at.to_string())
        .with_texts("scopes", session.scopes.iter().map(crate::scope::Scope::as_str))
        .with("has_second_factor", AttributeValue::Bool(session.has_second_factor))
        .with_text("address", session.address.to_string())
        .with_optional_text("user_agent", session.user_agent.as_deref())
        .with_text("created_at", session.created_at.to_string())
        .with_number("expires_at", &session.expires_at().as_second())
        .with_number("schema", &SCHEMA)
}

fn session_of(attributes: HashMap<String, AttributeValue>) -> Result<Session, TableError> {
    let mut row = Row::read("sessions", attributes);
    Ok(Session {
        id: row.take_id("id")?,
        user_id: row.take_id("user_id")?,
        epoch: row.take_parsed("epoch")?,
        generation: row.take_parsed("generation")?,
        rotated_at: row.take_time("rotated_at")?,
        scopes: Scopes::parse_lenient(&row.take_texts("scopes")?.join(" ")),
        has_second_factor: row.take_flag("has_second_factor")?,
        address: row.take_parsed("address")?,
        user_agent: row.take_optional_text("user_agent")?,
        created_at: row.take_time("created_at")?,
    })
}
