//! Operations on up to ten messages at once. Each entry succeeds or fails for itself.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::SqsError;
use super::operations::{self, DeleteRequest, SendRequest, VisibilityRequest};
use super::queue::Queue;
use crate::template::MESSAGE_LIMIT;

/// How many entries a batch may have.
const MAX_ENTRIES: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<T> {
    #[serde(default = "Vec::new")]
    entries: Vec<Entry<T>>,
}

#[derive(Debug, Deserialize)]
struct Entry<T> {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    request: T,
}

pub(super) fn send(queue: &Queue, batch: Batch<SendRequest>) -> Result<Value, SqsError> {
    let size: usize = batch.entries.iter().map(|entry| entry.request.size()).sum();
    if size > MESSAGE_LIMIT as usize {
        let message =
            format!("Batch requests cannot be longer than {MESSAGE_LIMIT} bytes. You have sent {size} bytes.");
        return Err(SqsError::new("BatchRequestTooLong", message));
    }
    run(batch, |request| operations::send(queue, request))
}

pub(super) fn delete(queue: &Queue, batch: Batch<DeleteRequest>) -> Result<Value, SqsError> {
    run(batch, |request| operations::delete(queue, request))
}

pub(super) fn change_visibility(queue: &Queue, batch: Batch<VisibilityRequest>) -> Result<Value, SqsError> {
    run(batch, |request| operations::change_visibility(queue, request))
}

/// Runs `operation` for each entry; its answer gets the entry's id.
fn run<T>(batch: Batch<T>, operation: impl Fn(T) -> Result<Value, SqsError>) -> Result<Value, SqsError> {
    check(&batch)?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in batch.entries {
        match operation(entry.request) {
            Ok(mut answer) => {
                if let Some(fields) = answer.as_object_mut() {
                    fields.insert("Id".to_owned(), entry.id.into());
                }
                successful.push(answer);
            }
            Err(error) => {
                let code = error.query_code();
                failed.push(json!({"Id": entry.id, "Code": code, "Message": error.message, "SenderFault": true}));
            }
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}

fn check<T>(batch: &Batch<T>) -> Result<(), SqsError> {
    let entries = &batch.entries;
    if entries.is_empty() {
        let message = "There should be at least one entry in the request.";
        return Err(SqsError::new("EmptyBatchRequest", message));
    }
    if entries.len() > MAX_ENTRIES {
        let message =
            format!("Maximum number of entries per request are {MAX_ENTRIES}. You have sent {}.", entries.len());
        return Err(SqsError::new("TooManyEntriesInBatchRequest", message));
    }
    let mut ids = HashSet::new();
    for Entry { id, .. } in entries {
        let allowed = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if id.is_empty() || id.len() > 80 || !allowed {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                           It can be at most 80 letters long.";
            return Err(SqsError::new("InvalidBatchEntryId", message));
        }
        if !ids.insert(id.as_str()) {
            return Err(SqsError::new("BatchEntryIdsNotDistinct", format!("Id {id} repeated.")));
        }
    }
    Ok(())
}
