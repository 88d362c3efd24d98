//! SQS's operations, as requests ask for them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::SqsError;
use super::message::{self, Attributes};
use super::queue::{Draft, Queue, Sent};
use super::shelf::MAX_VISIBILITY;
use super::{Queues, batch, receive};

/// The longest delay of a message.
const MAX_DELAY: Duration = Duration::from_mins(15);

/// Runs `operation` with the parameters in `body`, which was sent to `path`.
pub(super) async fn run(queues: &Queues, operation: &str, path: &str, body: &Bytes) -> Result<Bytes, SqsError> {
    let queue = || {
        let Target { queue_url } = read(body)?;
        // Without an address in the body, that of the request counts.
        let url = queue_url.unwrap_or_else(|| path.to_owned());
        if url == "/" { Err(SqsError::missing("QueueUrl")) } else { queues.at(&url) }
    };
    let answer = match operation {
        "SendMessage" => send(queue()?, read(body)?)?,
        "SendMessageBatch" => batch::send(queue()?, read(body)?)?,
        "ReceiveMessage" => receive::receive(queue()?, read(body)?).await?,
        "DeleteMessage" => delete(queue()?, read(body)?)?,
        "DeleteMessageBatch" => batch::delete(queue()?, read(body)?)?,
        "ChangeMessageVisibility" => change_visibility(queue()?, read(body)?)?,
        "ChangeMessageVisibilityBatch" => batch::change_visibility(queue()?, read(body)?)?,
        "PurgeQueue" => {
            queue()?.purge();
            json!({})
        }
        "GetQueueAttributes" => attributes(queue()?, &read(body)?)?,
        "GetQueueUrl" => {
            let Named { queue_name } = read(body)?;
            let name = required(queue_name, "QueueName")?;
            let queue = queues.get(&name).ok_or_else(SqsError::no_such_queue)?;
            json!({"QueueUrl": queues.url(queue.name())})
        }
        "ListQueues" => list(queues, &read(body)?),
        other => {
            let message = format!("the local cloud does not provide `{other}`; queues come from the template");
            return Err(SqsError::new("UnsupportedOperation", message));
        }
    };
    Ok(Bytes::from(answer.to_string()))
}

/// Reads parameters.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, SqsError> {
    let body = if body.is_empty() { b"{}" } else { &body[..] };
    serde_json::from_slice(body).map_err(|error| SqsError::new("SerializationException", error.to_string()))
}

fn required<T>(value: Option<T>, name: &str) -> Result<T, SqsError> {
    value.ok_or_else(|| SqsError::missing(name))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    queue_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    queue_name: Option<String>,
}

/// What is sent, alone or as an entry of a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendRequest {
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<Attributes>,
    message_system_attributes: Option<Attributes>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

impl SendRequest {
    /// How many bytes count against the limit of a batch.
    pub(super) fn size(&self) -> usize {
        let body = self.message_body.as_deref().unwrap_or_default();
        message::size(body, self.message_attributes.as_ref().unwrap_or(&Attributes::new()))
    }
}

/// Sends one message; the answer's fields are the same in a batch.
pub(super) fn send(queue: &Queue, request: SendRequest) -> Result<Value, SqsError> {
    if request.message_deduplication_id.is_some() {
        let reason = "The request includes a parameter that is not valid for this queue type";
        let message = format!("Value for parameter MessageDeduplicationId is invalid. Reason: {reason}.");
        return Err(SqsError::parameter(message));
    }
    let delay = request.delay_seconds.map(|delay| seconds(delay, MAX_DELAY, "DelaySeconds")).transpose()?;
    let system = request.message_system_attributes.unwrap_or_default();
    if let Some(name) = system.keys().find(|name| *name != "AWSTraceHeader") {
        return Err(SqsError::parameter(format!("Message system attribute name '{name}' is invalid.")));
    }
    let md5_of_system = message::digest_of_attributes(&system)?;
    let draft = Draft {
        body: required(request.message_body, "MessageBody")?,
        attributes: request.message_attributes.unwrap_or_default(),
        trace: system.into_values().find_map(|value| value.string_value),
        group: request.message_group_id,
        delay,
    };
    let Sent { id, md5_of_body, md5_of_attributes } = queue.send(draft)?;
    let mut answer = json!({"MessageId": id, "MD5OfMessageBody": md5_of_body});
    for (name, digest) in
        [("MD5OfMessageAttributes", md5_of_attributes), ("MD5OfMessageSystemAttributes", md5_of_system)]
    {
        if let (Some(digest), Some(fields)) = (digest, answer.as_object_mut()) {
            fields.insert(name.to_owned(), digest.into());
        }
    }
    Ok(answer)
}

/// A deletion, alone or as an entry of a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteRequest {
    receipt_handle: Option<String>,
}

pub(super) fn delete(queue: &Queue, request: DeleteRequest) -> Result<Value, SqsError> {
    queue.delete(&required(request.receipt_handle, "ReceiptHandle")?)?;
    Ok(json!({}))
}

/// A change of visibility, alone or as an entry of a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VisibilityRequest {
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

pub(super) fn change_visibility(queue: &Queue, request: VisibilityRequest) -> Result<Value, SqsError> {
    let handle = required(request.receipt_handle, "ReceiptHandle")?;
    let visibility = required(request.visibility_timeout, "VisibilityTimeout")?;
    queue.change_visibility(&handle, seconds(visibility, MAX_VISIBILITY, "VisibilityTimeout")?)?;
    Ok(json!({}))
}

/// A number of seconds up to `max`.
pub(super) fn seconds(value: i64, max: Duration, name: &str) -> Result<Duration, SqsError> {
    u64::try_from(value).map(Duration::from_secs).ok().filter(|value| *value <= max).ok_or_else(|| {
        let reason = format!("Must be >= 0 and <= {}, if provided.", max.as_secs());
        SqsError::parameter(format!("Value {value} for parameter {name} is invalid. Reason: {reason}"))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttributesRequest {
    attribute_names: Option<Vec<String>>,
}

fn attributes(queue: &Queue, request: &AttributesRequest) -> Result<Value, SqsError> {
    let settings = queue.settings();
    let counts = queue.counts();
    let created = queue.created().as_second().to_string();
    let redrive = settings.redrive().map(|redrive| {
        let target = crate::template::queue_arn(redrive.dead_letter_queue());
        json!({"deadLetterTargetArn": target, "maxReceiveCount": redrive.max_receive_count()}).to_string()
    });
    let known = [
        ("ApproximateNumberOfMessages", Some(counts.visible.to_string())),
        ("ApproximateNumberOfMessagesDelayed", Some(counts.delayed.to_string())),
        ("ApproximateNumberOfMessagesNotVisible", Some(counts.in_flight.to_string())),
        ("CreatedTimestamp", Some(created.clone())),
        ("DelaySeconds", Some(settings.delay().as_secs().to_string())),
        ("LastModifiedTimestamp", Some(created)),
        ("MaximumMessageSize", Some(settings.message_limit().to_string())),
        ("MessageRetentionPeriod", Some(settings.retention().as_secs().to_string())),
        ("QueueArn", Some(settings.arn())),
        ("ReceiveMessageWaitTimeSeconds", Some(settings.wait().as_secs().to_string())),
        ("RedrivePolicy", redrive),
        ("VisibilityTimeout", Some(settings.visibility_timeout().as_secs().to_string())),
    ];
    let wanted = request.attribute_names.as_deref().unwrap_or_default();
    if let Some(unknown) = wanted.iter().find(|name| *name != "All" && !known.iter().any(|(known, _)| known == name)) {
        return Err(SqsError::new("InvalidAttributeName", format!("Unknown Attribute {unknown}.")));
    }
    let all = wanted.iter().any(|name| name == "All");
    let shown = known.into_iter().filter(|(name, _)| all || wanted.iter().any(|wanted| wanted == name));
    let shown: serde_json::Map<String, Value> =
        shown.filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
    Ok(json!({"Attributes": shown}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    queue_name_prefix: Option<String>,
}

/// All at once: a template has fewer queues than a page.
fn list(queues: &Queues, request: &ListRequest) -> Value {
    let prefix = request.queue_name_prefix.as_deref().unwrap_or_default();
    let names = queues.iter().map(|queue: &Arc<Queue>| queue.name()).filter(|name| name.starts_with(prefix));
    json!({"QueueUrls": names.map(|name| queues.url(name)).collect::<Vec<String>>()})
}
