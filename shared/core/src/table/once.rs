//! The row that remembers a request by its idempotency key. It is written in the transaction of what the request creates,
//! so that either both are there or neither is: a key never sticks, whenever a function dies.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure};

use super::TableError;
use super::row::Row;
use crate::idempotency::{Claim, FirstAnswer, KeyUsed, LIFETIME_SECONDS, Once};

/// The shape of the row that is written here.
const SCHEMA: u32 = 1;

/// Remembers the answer, unless the key has been used and has not expired. Expired rows may still be there, because
/// DynamoDB deletes them late.
pub(super) fn put(once: &Once) -> PutBuilder {
    let row = Row::new("idempotency")
        .with_text("id", &once.claim.id)
        .with_text("fingerprint", &once.claim.fingerprint)
        .with_text("location", &once.answer.location)
        .with_text("body", &once.answer.body)
        .with_number("expires_at", &(once.now + LIFETIME_SECONDS))
        .with_number("schema", &SCHEMA);
    Put::builder()
        .table_name(&once.table)
        .set_item(Some(row.into_attributes()))
        .condition_expression("attribute_not_exists(id) OR expires_at <= :now")
        .expression_attribute_values(":now", AttributeValue::N(once.now.to_string()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// What the row that was in the way says.
pub(super) fn used(claim: &Claim, row: HashMap<String, AttributeValue>) -> Result<KeyUsed, TableError> {
    let mut row = Row::read("idempotency", row);
    if row.take_text("fingerprint")? != claim.fingerprint {
        return Ok(KeyUsed::OtherRequest);
    }
    Ok(KeyUsed::SameRequest(FirstAnswer { location: row.take_text("location")?, body: row.take_text("body")? }))
}
