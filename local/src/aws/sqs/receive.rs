//! `ReceiveMessage`: what a client gets of a message depends on what it asks for.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::error::SqsError;
use super::message::Attributes;
use super::operations::seconds;
use super::queue::Queue;
use super::shelf::{MAX_VISIBILITY, Received};
use crate::template::ACCOUNT;

/// The longest wait for a message.
const MAX_WAIT: Duration = Duration::from_secs(20);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveRequest {
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    /// What the former was called before.
    #[serde(default)]
    attribute_names: Vec<String>,
}

pub(super) async fn receive(queue: &Queue, request: ReceiveRequest) -> Result<Value, SqsError> {
    let settings = queue.settings();
    let max = request.max_number_of_messages.unwrap_or(1);
    let max = usize::try_from(max).ok().filter(|max| (1..=10).contains(max)).ok_or_else(|| {
        let reason = "Must be between 1 and 10, if provided.";
        SqsError::parameter(format!("Value {max} for parameter MaxNumberOfMessages is invalid. Reason: {reason}"))
    })?;
    let given = |value: Option<i64>, max, name, default| value.map_or(Ok(default), |value| seconds(value, max, name));
    let visibility =
        given(request.visibility_timeout, MAX_VISIBILITY, "VisibilityTimeout", settings.visibility_timeout())?;
    let wait = given(request.wait_time_seconds, MAX_WAIT, "WaitTimeSeconds", settings.wait())?;

    let received = queue.receive(max, visibility, Some(Instant::now() + wait)).await?;
    if received.is_empty() {
        return Ok(json!({}));
    }
    let system = [request.message_system_attribute_names, request.attribute_names].concat();
    let mut messages = Vec::new();
    for received in &received {
        messages.push(view(received, &system, &request.message_attribute_names)?);
    }
    Ok(json!({"Messages": messages}))
}

fn view(received: &Received, system: &[String], attributes: &[String]) -> Result<Value, SqsError> {
    let message = &received.message;
    let mut view = json!({
        "MessageId": message.id,
        "ReceiptHandle": received.receipt_handle,
        "MD5OfBody": message.md5_of_body,
        "Body": message.body,
    });
    let Some(fields) = view.as_object_mut() else { return Ok(view) };
    let mut shown = system_attributes(received);
    shown.retain(|name, _| system.iter().any(|wanted| wanted == "All" || wanted == name));
    if !shown.is_empty() {
        fields.insert("Attributes".to_owned(), shown.into());
    }
    let wanted = |name: &str| {
        attributes.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')),
            None => wanted == "All" || wanted == ".*" || wanted == name,
        })
    };
    let shown: Attributes =
        message.attributes.iter().filter(|(name, _)| wanted(name)).map(|(k, v)| (k.clone(), v.clone())).collect();
    // The digest covers what is shown.
    if let Some(digest) = super::message::digest_of_attributes(&shown)? {
        fields.insert("MD5OfMessageAttributes".to_owned(), digest.into());
        fields.insert("MessageAttributes".to_owned(), json!(shown));
    }
    Ok(view)
}

/// What SQS knows about a message.
pub(crate) fn system_attributes(received: &Received) -> Map<String, Value> {
    let message = &received.message;
    let mut attributes = Map::new();
    for (name, value) in [
        ("AWSTraceHeader", message.trace.clone()),
        ("ApproximateFirstReceiveTimestamp", Some(received.first_time.as_millisecond().to_string())),
        ("ApproximateReceiveCount", Some(received.receives.to_string())),
        ("DeadLetterQueueSourceArn", message.source_arn.clone()),
        ("MessageGroupId", message.group.clone()),
        ("SenderId", Some(ACCOUNT.to_owned())),
        ("SentTimestamp", Some(message.sent.as_millisecond().to_string())),
    ] {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), value.into());
        }
    }
    attributes
}
