use std::fmt::Write as _;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join;
use ring::digest::{SHA256, digest};

use super::row::Row;
use super::{ConditionalWriteError, TableError};
use crate::email::Email;
use crate::suppression::{Reason, Suppression};
use crate::user::UniqueName;

/// The shape of the row that is written here.
const SCHEMA: u32 = 1;

/// The addresses that get no mail.
///
/// A row's key is the SHA-256 of the address, so that no address stands in the table, its exports or its metrics, also
/// not those of people who have no account. The hash has no key: whoever can read the table could try addresses, but
/// the list must outlive every secret, for a list that a new secret makes unreadable lets mail go to everybody on it.
/// An administrator can find a row with nothing but `sha256sum`.
#[derive(Debug, Clone)]
pub struct Suppressions {
    client: Client,
    table: String,
}

impl Suppressions {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Why this address gets no mail, as of now. `None` if nothing speaks against it.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find(&self, email: &Email) -> Result<Option<Suppression>, TableError> {
        // A bounce, or a complaint, and a wish to get no more are rows of their own: if the one is lifted, the other
        // stays.
        let (events, wish) =
            try_join(self.get(key_of(email, Reason::Bounce)), self.get(key_of(email, Reason::Unsubscribed))).await?;
        Ok(events.or(wish))
    }

    async fn get(&self, key: String) -> Result<Option<Suppression>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("address", AttributeValue::S(key))
            // Whoever has just unsubscribed has been told that nothing more will come.
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        answer.item.map(|attributes| suppression_of(Row::read("suppressions", attributes))).transpose()
    }

    /// Puts an address on the list, unless it is there for the same reason or a stronger one, and says whether that
    /// changed anything. So an event that arrives twice or late changes nothing.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn put(&self, email: &Email, suppression: &Suppression) -> Result<bool, TableError> {
        let row = Row::new("suppressions")
            .with_text("address", key_of(email, suppression.reason))
            .with_text("reason", suppression.reason.as_str())
            .with_text("since", suppression.since.to_string())
            .with_optional_text("detail", suppression.detail.as_deref())
            .with_number("schema", &SCHEMA);
        let mut condition = "attribute_not_exists(address)".to_owned();
        let mut call = self.client.put_item().table_name(&self.table).set_item(Some(row.into_attributes()));
        for weaker in suppression.reason.weaker().map(Reason::as_str) {
            condition = format!("{condition} OR reason = :{weaker}");
            call = call.expression_attribute_values(format!(":{weaker}"), AttributeValue::S(weaker.to_owned()));
        }
        match call.condition_expression(condition).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(TableError::call("PutItem", &error)),
        }
    }

    /// Takes an address off the list, if it is there as it was read: whoever lifts a suppression has not seen the
    /// complaint that came in since. Whoever has unsubscribed too stays on it for that.
    ///
    /// # Errors
    /// See [`ConditionalWriteError`].
    pub async fn delete(&self, email: &Email, read: &Suppression) -> Result<(), ConditionalWriteError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("address", AttributeValue::S(key_of(email, read.reason)))
            .condition_expression("reason = :reason AND since = :since")
            .expression_attribute_values(":reason", AttributeValue::S(read.reason.as_str().to_owned()))
            .expression_attribute_values(":since", AttributeValue::S(read.since.to_string()))
            .send()
            .await;
        deleted.map(|_| ()).map_err(|error| {
            if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) {
                ConditionalWriteError::Outdated
            } else {
                TableError::call("DeleteItem", &error).into()
            }
        })
    }
}

/// The row's key: the SHA-256 of the address in its comparable form, in hexadecimal. Addresses that differ in case only
/// have one row, although a mail server may tell them apart: one mail too few is better than one to who wants none.
/// What its owner wishes has a row of its own.
fn key_of(email: &Email, reason: Reason) -> String {
    let hash = digest(&SHA256, UniqueName::of(email.as_str()).as_str().as_bytes());
    let kind = if reason == Reason::Unsubscribed { "unsubscribed#" } else { "" };
    hash.as_ref().iter().fold(kind.to_owned(), |mut key, byte| {
        // Writing to a text can't fail.
        let _ = write!(key, "{byte:02x}");
        key
    })
}

fn suppression_of(mut row: Row) -> Result<Suppression, TableError> {
    let name = row.take_text("reason")?;
    let unreadable = TableError::Row { table: "suppressions", attribute: "reason" };
    Ok(Suppression {
        reason: Reason::ALL.into_iter().find(|reason| reason.as_str() == name).ok_or(unreadable)?,
        since: row.take_time("since")?,
        detail: row.take_optional_text("detail")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_sha256sum_says_of_the_address_in_lower_case() {
        for address in ["ann@example.com", "Ann@EXAMPLE.com"] {
            let key = key_of(&Email::parse(address).unwrap(), Reason::Bounce);
            assert_eq!(key, "71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476", "{address}");
        }
    }
}
