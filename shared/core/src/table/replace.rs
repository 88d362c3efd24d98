use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure};

use super::{ConditionalWriteError, TableError};

/// Makes one write that depends on the row being as it was read.
pub(super) async fn replace(client: &Client, put: Put) -> Result<(), ConditionalWriteError> {
    let written = put.item.clone();
    let sent = client
        .put_item()
        .table_name(put.table_name)
        .set_item(Some(put.item))
        .set_condition_expression(put.condition_expression)
        .set_expression_attribute_names(put.expression_attribute_names)
        .set_expression_attribute_values(put.expression_attribute_values)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    let Err(error) = sent else { return Ok(()) };
    match error.as_service_error() {
        // The SDK tries again when an answer does not come in time. Then what is in the way is this very write.
        Some(PutItemError::ConditionalCheckFailedException(failed)) if failed.item.as_ref() == Some(&written) => Ok(()),
        Some(PutItemError::ConditionalCheckFailedException(_) | PutItemError::TransactionConflictException(_)) => {
            Err(ConditionalWriteError::Outdated)
        }
        _ => Err(TableError::call("PutItem", &error).into()),
    }
}
