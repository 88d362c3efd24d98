//! The DynamoDB tables, one module per aggregate.
//!
//! - Every write of an entity says what it expects (a condition), so that a lost race is noticed and no update is lost
//!   silently.
//! - Uniqueness is a second row in the same transaction, because DynamoDB has no unique index.
//! - Entities have a `version` for optimistic locking, and all rows a `schema` number, so that older shapes can be
//!   read.
//! - Lists go through sparse indexes whose partition key is sharded, so that no key takes every write.

mod also;
mod api_keys;
mod attempts;
mod audit;
mod batch;
mod counters;
mod credentials;
mod items;
mod jobs;
mod keys;
mod merge;
mod once;
mod one_time;
mod replace;
mod row;
mod second_factors;
mod sessions;
mod suppressions;
mod terms;
mod transaction;
mod users;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use uuid::Uuid;

use crate::cause::with_causes;
use transaction::FailedConditions;

pub use also::{Also, Write};
pub use api_keys::{ApiKeys, HeldApiKeys, InsertApiKeyError};
pub use attempts::{AttemptError, Attempts};
pub use audit::{Audit, AuditFilter};
pub use aws_sdk_dynamodb::Client;
pub use counters::RateLimiter;
pub use credentials::Credentials;
pub use items::{InsertItemError, ItemTables, Items};
pub use jobs::{Due, InsertJobError, JobFilter, Jobs, Promise};
pub use keys::{Keys, PublishError, PublishedKey};
pub use one_time::OneTimeTokens;
pub use second_factors::{CodeKind, RightCode, SecondFactors, SetupCode};
pub use sessions::Sessions;
pub use suppressions::Suppressions;
pub use users::{InsertUserError, TakenNames, UpdateUserError, UserWithHash, Users};

/// How many partitions a list is spread over. Each multiplies what a list page reads; one partition takes 1,000 writes
/// a second.
const LIST_SHARDS: u8 = 4;

/// The shard of an entity's list rows. The last byte of a `UUIDv7` is random, so shards fill evenly.
fn shard_of(id: Uuid) -> u8 {
    let [.., last] = *id.as_bytes();
    last % LIST_SHARDS
}

/// DynamoDB did not do what was asked, or holds what nobody here has written. Never the fault of a request.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The call failed, after the SDK's retries.
    #[error("{operation} failed: {cause}")]
    Call {
        /// The operation's name.
        operation: &'static str,
        /// The chain of causes, without the request's content.
        cause: String,
    },
    /// An attribute is absent or has another type.
    #[error("a row of `{table}` has no readable attribute `{attribute}`")]
    Row {
        /// The kind of row.
        table: &'static str,
        /// The attribute.
        attribute: &'static str,
    },
    /// The table has too much to do: other transactions kept touching the same rows, or DynamoDB answered in part only.
    #[error("the table is busy")]
    Busy,
}

/// What a write under a condition came to.
#[derive(Debug, thiserror::Error)]
pub enum ConditionalWriteError {
    /// The row is no longer what it was expected to be.
    #[error("somebody else has changed the row")]
    Outdated,
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl TableError {
    /// Takes a failed SDK call for what it is.
    fn call<E: std::error::Error + 'static>(operation: &'static str, error: &SdkError<E>) -> Self {
        Self::Call { operation, cause: with_causes(error) }
    }
}

/// Why a transaction was cancelled: for each action, in order, nothing if its condition held, else the row that was in
/// the way, if the action asks for it. `None` if the cause was another one.
fn failed_conditions(error: &SdkError<TransactWriteItemsError>) -> Option<FailedConditions> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return None;
    };
    let reasons = cancelled.cancellation_reasons().iter();
    let failed: FailedConditions = reasons
        .map(|reason| {
            (reason.code() == Some("ConditionalCheckFailed")).then(|| reason.item().cloned().unwrap_or_default())
        })
        .collect();
    failed.iter().any(Option::is_some).then_some(failed)
}

/// Whether a transaction met another one at the same rows, or a table with too much to do, and may be tried again. Some
/// if so, and whether it met it at the row of its last action.
fn conflicts(error: &SdkError<TransactWriteItemsError>) -> Option<bool> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            let codes: Vec<_> = cancelled.cancellation_reasons().iter().map(CancellationReason::code).collect();
            let is_conflict =
                codes.iter().flatten().any(|code| matches!(*code, "TransactionConflict" | "ThrottlingError"));
            is_conflict.then_some(codes.last().copied().flatten() == Some("TransactionConflict"))
        }
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => Some(true),
        _ => None,
    }
}

/// Whether the same transaction, by its token, is still being made.
fn is_in_progress(error: &SdkError<TransactWriteItemsError>) -> bool {
    matches!(error.as_service_error(), Some(TransactWriteItemsError::TransactionInProgressException(_)))
}
