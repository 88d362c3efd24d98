use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder, UpdateBuilder};

use super::{ConditionalWriteError, TableError, failed_conditions, is_conflict};

/// How often a transaction that met another one is tried in all.
const ATTEMPTS: u32 = 4;

/// Writes that happen together or not at all. DynamoDB takes 100 of them at the most.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    actions: Vec<TransactWriteItem>,
}

/// For each action, in order, whether its condition failed.
pub(super) type FailedConditions = Vec<bool>;

impl Transaction {
    pub(super) fn put(&mut self, put: PutBuilder) -> Result<(), TableError> {
        let put = put.build().map_err(|error| incomplete(&error))?;
        self.actions.push(TransactWriteItem::builder().put(put).build());
        Ok(())
    }

    pub(super) fn update(&mut self, update: UpdateBuilder) -> Result<(), TableError> {
        let update = update.build().map_err(|error| incomplete(&error))?;
        self.actions.push(TransactWriteItem::builder().update(update).build());
        Ok(())
    }

    pub(super) fn delete(&mut self, delete: DeleteBuilder) -> Result<(), TableError> {
        let delete = delete.build().map_err(|error| incomplete(&error))?;
        self.actions.push(TransactWriteItem::builder().delete(delete).build());
        Ok(())
    }

    /// Makes the writes, unless a condition fails. A conflict with another transaction is no answer yet: this one is
    /// tried again, a little later each time.
    pub(super) async fn send(self, client: &Client) -> Result<Result<(), FailedConditions>, TableError> {
        for attempt in 1..=ATTEMPTS {
            let sent = client.transact_write_items().set_transact_items(Some(self.actions.clone())).send().await;
            let Err(error) = sent else { return Ok(Ok(())) };
            if let Some(failed) = failed_conditions(&error) {
                return Ok(Err(failed));
            }
            if !is_conflict(&error) {
                return Err(TableError::call("TransactWriteItems", &error));
            }
            tokio::time::sleep(Duration::from_millis(20) * attempt).await;
        }
        Err(TableError::Busy)
    }

    /// Makes writes that all depend on one row being as it was read.
    pub(super) async fn send_conditional(self, client: &Client) -> Result<(), ConditionalWriteError> {
        match self.send(client).await {
            Ok(sent) => sent.map_err(|_| ConditionalWriteError::Outdated),
            // Others keep writing to the row, so it is not what it was.
            Err(TableError::Busy) => Err(ConditionalWriteError::Outdated),
            Err(error) => Err(error.into()),
        }
    }
}

fn incomplete(error: &BuildError) -> TableError {
    TableError::Call { operation: "TransactWriteItems", cause: error.to_string() }
}
