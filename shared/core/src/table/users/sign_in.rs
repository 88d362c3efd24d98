use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::Timestamp;
use uuid::Uuid;

use super::row::{READABLE, user_of};
use super::{Users, asked, guard_id};
use crate::lockout::Contender;
use crate::table::attempts::{AttemptError, Attempts};
use crate::table::row::Row;
use crate::table::{ConditionalWriteError, TableError};
use crate::user::{UniqueName, User};

/// A user, and what their password is verified with. It can't be printed, because the hash must not be.
pub struct UserWithHash {
    /// The user.
    pub user: User,
    /// The password's hash in PHC string format.
    pub password_hash: String,
}

impl Users {
    /// The id of the user with this email or username, unless whoever has this address has failed too often to sign in.
    /// One call for both.
    ///
    /// # Errors
    /// See [`AttemptError`].
    pub async fn id_for_sign_in(
        &self,
        name: &UniqueName,
        attempts: &Attempts,
        address: &Contender,
        now: Timestamp,
    ) -> Result<Option<Uuid>, AttemptError> {
        let key = |id: String| HashMap::from([("id".to_owned(), AttributeValue::S(id))]);
        let incomplete = |error: BuildError| TableError::Call { operation: "BatchGetItem", cause: error.to_string() };
        let (limits, address_key) = attempts.row_of(address, now);
        let guard = KeysAndAttributes::builder().keys(key(guard_id(asked(name)))).consistent_read(true);
        let failures = KeysAndAttributes::builder().keys(key(address_key));
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.table, guard.build().map_err(incomplete)?)
            .request_items(limits, failures.build().map_err(incomplete)?)
            .send()
            .await
            .map_err(|error| TableError::call("BatchGetItem", &error))?;
        if answer.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(TableError::Busy.into());
        }
        let mut rows = answer.responses.unwrap_or_default();
        let mut first_of = |table: &str| rows.remove(table).and_then(|rows| rows.into_iter().next());
        attempts.check(first_of(limits), address, now)?;
        let guard = first_of(&self.table).map(|guard| Row::read("users", guard).take_id("user_id"));
        Ok(guard.transpose()?)
    }

    /// The user with this id and what its password is verified with. Nobody has no id; to look for nobody costs the
    /// same.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find_with_hash(&self, id: Option<Uuid>) -> Result<Option<UserWithHash>, TableError> {
        let id = id.unwrap_or_default().to_string();
        let Some(mut row) = self.get(&id, &[READABLE, &["password_hash"]].concat()).await? else { return Ok(None) };
        let password_hash = row.take_text("password_hash")?;
        Ok(Some(UserWithHash { user: user_of(row)?, password_hash }))
    }

    /// Replaces the hash of a password by another one of the same password, unless it has another one by now. Nothing
    /// that is said of the user changes, so neither does the version.
    ///
    /// # Errors
    /// See [`ConditionalWriteError`].
    pub async fn replace_hash(&self, id: Uuid, old: &str, new: &str) -> Result<(), ConditionalWriteError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_string()))
            .update_expression("SET password_hash = :new")
            .condition_expression("password_hash = :old")
            .expression_attribute_values(":old", AttributeValue::S(old.to_owned()))
            .expression_attribute_values(":new", AttributeValue::S(new.to_owned()))
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(
                UpdateItemError::ConditionalCheckFailedException(_) | UpdateItemError::TransactionConflictException(_),
            ) => Err(ConditionalWriteError::Outdated),
            _ => Err(TableError::call("UpdateItem", &error).into()),
        }
    }
}
