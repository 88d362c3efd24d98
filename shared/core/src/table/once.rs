//! The row that remembers a request by its idempotency key. It is written in the transaction of what the request
//! creates, so that either both are there or neither is: a key never sticks, whenever a function dies.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure};

use super::TableError;
use super::row::Row;
use crate::idempotency::{KeyUsed, LIFETIME_SECONDS, Once};

/// The shape of the row that is written here.
const SCHEMA: u32 = 1;

/// Remembers the answer, unless the key has been used and has not expired. Expired rows may still be there, because
/// DynamoDB deletes them late.
pub(super) fn put(once: &Once) -> Result<PutBuilder, TableError> {
    let mut row = Row::new("idempotency")
        .with_text("id", &once.claim.id)
        .with_text("fingerprint", &once.claim.fingerprint)
        .with_number("expires_at", &(once.now + LIFETIME_SECONDS))
        .with_number("schema", &SCHEMA);
    if let Some(answer) = &once.answer {
        row = row.with_bytes("answer", once.claim.seal(answer).map_err(|_| UNREADABLE)?);
    }
    Ok(Put::builder()
        .table_name(&once.table)
        .set_item(Some(row.into_attributes()))
        .condition_expression("attribute_not_exists(id) OR expires_at <= :now")
        .expression_attribute_values(":now", AttributeValue::N(once.now.to_string()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
}

/// What the row that was in the way says.
pub(super) fn used(once: &Once, row: HashMap<String, AttributeValue>) -> Result<KeyUsed, TableError> {
    let answer = row.get("answer").cloned();
    if Row::read("idempotency", row).take_text("fingerprint")? != once.claim.fingerprint {
        return Ok(KeyUsed::OtherRequest);
    }
    match answer {
        Some(AttributeValue::B(sealed)) => {
            once.claim.open(sealed.as_ref()).map(KeyUsed::SameRequest).map_err(|_| UNREADABLE)
        }
        None => Ok(KeyUsed::SecretAnswer),
        Some(_) => Err(UNREADABLE),
    }
}

const UNREADABLE: TableError = TableError::Row { table: "idempotency", attribute: "answer" };
