use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use uuid::Uuid;

use super::TableError;

/// How often DynamoDB is asked for what it has left out of a batch.
const ATTEMPTS: u32 = 5;

/// The rows with these ids, at most 100, in any order. Those that are gone are left out.
pub(super) async fn get_all(
    client: &Client,
    table: &str,
    ids: impl Iterator<Item = Uuid>,
) -> Result<Vec<HashMap<String, AttributeValue>>, TableError> {
    let mut rows = Vec::new();
    let mut missing: Vec<_> =
        ids.map(|id| HashMap::from([("id".to_owned(), AttributeValue::S(id.to_string()))])).collect();
    for attempt in 0..ATTEMPTS {
        if missing.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20) * attempt).await;
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(std::mem::take(&mut missing)))
            .build()
            .map_err(|error| TableError::Call { operation: "BatchGetItem", cause: error.to_string() })?;
        let answer = client
            .batch_get_item()
            .request_items(table, keys)
            .send()
            .await
            .map_err(|error| TableError::call("BatchGetItem", &error))?;
        rows.extend(answer.responses.unwrap_or_default().into_values().flatten());
        missing = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|keys| keys.keys).collect();
    }
    if missing.is_empty() { Ok(rows) } else { Err(TableError::Busy) }
}
