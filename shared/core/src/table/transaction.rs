use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use uuid::Uuid;

use super::{ConditionalWriteError, TableError, conflicts, failed_conditions, is_in_progress, once};
use crate::idempotency::{KeyUsed, Once};
use crate::random::Random;

/// How often a transaction that met another one is tried in all.
const ATTEMPTS: u32 = 4;

/// Writes that happen together or not at all. DynamoDB takes 100 of them at the most.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    actions: Vec<TransactWriteItem>,
}

/// For each action, in order, the row that was in the way if its condition failed.
pub(super) type FailedConditions = Vec<Option<HashMap<String, AttributeValue>>>;

/// Why a transaction that does what a request asks for, once, did not happen.
#[derive(Debug)]
pub(super) enum NotDone {
    /// The request's idempotency key has been used.
    KeyUsed(KeyUsed),
    /// Other conditions failed.
    Conditions(FailedConditions),
    /// The table failed.
    Table(TableError),
}

/// Why DynamoDB cancelled a transaction.
enum Cancelled {
    /// Conditions failed.
    Conditions(FailedConditions),
    /// Other transactions were at work on the same rows, and still are; on that of the last action, too, or not.
    Contended { last: bool },
}

impl Transaction {
    /// How many writes there are so far.
    pub(super) fn len(&self) -> usize {
        self.actions.len()
    }

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

    /// Asks that a row is as the condition says, and leaves it alone.
    pub(super) fn check(&mut self, check: ConditionCheckBuilder) -> Result<(), TableError> {
        let check = check.build().map_err(|error| incomplete(&error))?;
        self.actions.push(TransactWriteItem::builder().condition_check(check).build());
        Ok(())
    }

    /// Makes the writes, unless a condition fails.
    pub(super) async fn send(self, client: &Client) -> Result<Result<(), FailedConditions>, TableError> {
        match self.attempt(client, false).await? {
            Ok(()) => Ok(Ok(())),
            Err(Cancelled::Conditions(failed)) => Ok(Err(failed)),
            Err(Cancelled::Contended { .. }) => Err(TableError::Busy),
        }
    }

    /// Makes writes that create something, unless the request's idempotency key, if it has one, has been used.
    pub(super) async fn send_once(mut self, client: &Client, once: Option<&Once>) -> Result<(), NotDone> {
        let Some(once) = once else {
            return self.send(client).await.map_err(NotDone::Table)?.map_err(NotDone::Conditions);
        };
        once::put(once).and_then(|put| self.put(put)).map_err(NotDone::Table)?;
        match self.attempt(client, true).await.map_err(NotDone::Table)? {
            Ok(()) => Ok(()),
            Err(Cancelled::Contended { last: true }) => Err(NotDone::KeyUsed(KeyUsed::StillRunning)),
            Err(Cancelled::Contended { last: false }) => Err(NotDone::Table(TableError::Busy)),
            // A repeated request also finds taken what the first has created, so the key is what counts.
            Err(Cancelled::Conditions(mut failed)) => Err(match failed.pop().flatten() {
                Some(row) => once::used(once, row).map_or_else(NotDone::Table, NotDone::KeyUsed),
                None => NotDone::Conditions(failed),
            }),
        }
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

    /// Makes the writes, or says why not.
    ///
    /// A conflict with another transaction is no answer yet, also where other conditions have failed already: what is
    /// in the way may be half of something that will not happen, or the other half of what this is a repetition of. So
    /// it is tried again, a little later each time, unless the last action's condition has failed and that one decides.
    async fn attempt(self, client: &Client, last_decides: bool) -> Result<Result<(), Cancelled>, TableError> {
        let mut contended = false;
        let mut token = new_token();
        for attempt in 1..=ATTEMPTS {
            let call = client.transact_write_items().set_transact_items(Some(self.actions.clone()));
            let sent = call.client_request_token(&token).send().await;
            let Err(error) = sent else { return Ok(Ok(())) };
            let conflicts = conflicts(&error);
            let failed = failed_conditions(&error);
            let is_decided =
                last_decides && failed.as_ref().is_some_and(|failed| matches!(failed.last(), Some(Some(_))));
            match (failed, conflicts) {
                (Some(failed), conflicts) if is_decided || conflicts.is_none() => {
                    return Ok(Err(Cancelled::Conditions(failed)));
                }
                (_, Some(last)) => contended = last,
                (_, None) => return Err(TableError::call("TransactWriteItems", &error)),
            }
            // One that is still at work is asked for again by its token, or it would be in its own way once it is done.
            if !is_in_progress(&error) {
                token = new_token();
            }
            tokio::time::sleep(Duration::from_millis(20) * attempt).await;
        }
        Ok(Err(Cancelled::Contended { last: contended }))
    }
}

/// Tells a transaction from any other, for DynamoDB. Nobody sees it and nothing follows from it, so its randomness is
/// not passed in.
fn new_token() -> String {
    Uuid::from_bytes(Random::system().bytes()).to_string()
}

fn incomplete(error: &BuildError) -> TableError {
    TableError::Call { operation: "TransactWriteItems", cause: error.to_string() }
}
