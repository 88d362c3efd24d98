//! Batches of messages as functions get them, and what their answers mean.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::aws::sqs::{AttributeValue, Received, system_attributes};
use crate::functions::PAYLOAD_LIMIT;
use crate::template::REGION;

/// Room for what stands around the records.
const ENVELOPE: usize = 64;

/// A batch that fits into one invocation.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) messages: Vec<Received>,
    records: Vec<Value>,
}

impl Batch {
    /// The event.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event>
    pub(super) fn event(&self) -> Value {
        json!({"Records": self.records})
    }

    /// Splits what was received so that every event is within Lambda's limit.
    pub(super) fn split(received: Vec<Received>, queue_arn: &str) -> Vec<Self> {
        let mut batches = Vec::new();
        let mut current = Self { messages: Vec::new(), records: Vec::new() };
        let mut size = ENVELOPE;
        for message in received {
            let record = record(&message, queue_arn);
            let length = record.to_string().len() + 1;
            if size + length > PAYLOAD_LIMIT && !current.messages.is_empty() {
                batches.push(std::mem::replace(&mut current, Self { messages: Vec::new(), records: Vec::new() }));
                size = ENVELOPE;
            }
            size += length;
            current.messages.push(message);
            current.records.push(record);
        }
        batches.push(current);
        batches
    }

    /// The messages that a function has processed, by its answer, or why that cannot be told.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>
    pub(super) fn processed(&self, answer: &[u8], reports_failures: bool) -> Result<Vec<&Received>, String> {
        if !reports_failures {
            return Ok(self.messages.iter().collect());
        }
        let failed = failures(answer)?;
        if let Some(unknown) = failed.iter().find(|id| !self.messages.iter().any(|known| known.message.id == **id)) {
            return Err(format!("the answer's itemIdentifier `{unknown}` is no message of the batch"));
        }
        Ok(self.messages.iter().filter(|received| !failed.contains(&received.message.id)).collect())
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "batchItemFailures")]
    failures: Option<Vec<Failure>>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "itemIdentifier")]
    id: String,
}

/// The ids of the messages that failed. An answer that says nothing says that all went well.
fn failures(answer: &[u8]) -> Result<BTreeSet<String>, String> {
    if answer.is_empty() {
        return Ok(BTreeSet::new());
    }
    let answer: Option<Answer> =
        serde_json::from_slice(answer).map_err(|error| format!("the answer is no batch response: {error}"))?;
    let failures = answer.and_then(|answer| answer.failures).unwrap_or_default();
    Ok(failures.into_iter().map(|failure| failure.id).collect())
}

fn record(received: &Received, queue_arn: &str) -> Value {
    let message = &received.message;
    let attributes = message.attributes.iter().map(|(name, value)| (name.clone(), attribute(value)));
    let mut record = json!({
        "messageId": message.id,
        "receiptHandle": received.receipt_handle,
        "body": message.body,
        "attributes": system_attributes(received),
        "messageAttributes": attributes.collect::<Map<String, Value>>(),
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    });
    if let (Some(digest), Some(fields)) = (&message.md5_of_attributes, record.as_object_mut()) {
        fields.insert("md5OfMessageAttributes".to_owned(), digest.as_str().into());
    }
    record
}

fn attribute(value: &AttributeValue) -> Value {
    let mut attribute = json!({"stringListValues": [], "binaryListValues": [], "dataType": value.data_type});
    for (name, value) in [("stringValue", &value.string_value), ("binaryValue", &value.binary_value)] {
        if let (Some(value), Some(fields)) = (value, attribute.as_object_mut()) {
            fields.insert(name.to_owned(), value.as_str().into());
        }
    }
    attribute
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::aws::sqs::{Attributes, Draft, Queues};
    use crate::template::Template;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:Jobs";

    async fn received(bodies: &[String]) -> Vec<Received> {
        let text = "Resources:\n  Jobs: { Type: 'AWS::SQS::Queue' }\n";
        let template = Template::parse(text, "template.yaml").unwrap();
        let queues = Queues::new("http://127.0.0.1:4566", template.queues());
        let queue = queues.get("Jobs").unwrap();
        let value = |binary: bool| AttributeValue {
            data_type: if binary { "Binary" } else { "String" }.to_owned(),
            string_value: (!binary).then(|| "email".to_owned()),
            binary_value: binary.then(|| "AAEC".to_owned()),
        };
        for body in bodies {
            let attributes = Attributes::from([("kind".to_owned(), value(false)), ("raw".to_owned(), value(true))]);
            queue.send(Draft { body: body.clone(), attributes, ..Draft::default() }).unwrap();
        }
        queue.receive(10, Duration::from_secs(30), Some(Instant::now())).await.unwrap()
    }

    async fn batch(bodies: &[&str]) -> Batch {
        let bodies: Vec<String> = bodies.iter().map(|body| (*body).to_owned()).collect();
        Batch::split(received(&bodies).await, ARN).remove(0)
    }

    #[tokio::test]
    async fn a_record_is_one_of_lambda() {
        let batch = batch(&[r#"{"job":"1"}"#]).await;
        let mut event = batch.event();
        let record = &mut event["Records"][0];
        let received = &batch.messages[0];
        let (sent, first) = (received.message.sent.as_millisecond(), received.first_time.as_millisecond());
        assert_eq!(
            record["attributes"].take(),
            json!({
                "ApproximateFirstReceiveTimestamp": first.to_string(),
                "ApproximateReceiveCount": "1",
                "SenderId": "000000000000",
                "SentTimestamp": sent.to_string(),
            })
        );
        assert_eq!(record["messageId"].take(), received.message.id.as_str());
        assert_eq!(record["receiptHandle"].take(), received.receipt_handle.as_str());
        assert!(record["md5OfMessageAttributes"].take().is_string());
        assert_eq!(
            *record,
            json!({
                "messageId": null,
                "receiptHandle": null,
                "body": "{\"job\":\"1\"}",
                "attributes": null,
                "messageAttributes": {
                    "kind": {
                        "stringValue": "email", "stringListValues": [], "binaryListValues": [], "dataType": "String"
                    },
                    "raw": {"binaryValue": "AAEC", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
                },
                "md5OfBody": "fe859d439bc49c49a7da4a096f553a33",
                "md5OfMessageAttributes": null,
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "us-east-1",
            })
        );
    }

    #[tokio::test]
    async fn an_answer_says_which_messages_failed() {
        let batch = batch(&["a", "b"]).await;
        let id = batch.messages[1].message.id.clone();
        let processed = |answer: String, reports| {
            let messages = batch.processed(answer.as_bytes(), reports)?;
            Ok::<_, String>(messages.iter().map(|received| received.message.body.clone()).collect::<Vec<_>>())
        };
        let failed = json!({"batchItemFailures": [{"itemIdentifier": id}]}).to_string();
        assert_eq!(processed(failed.clone(), true).unwrap(), ["a"]);
        assert_eq!(processed(failed, false).unwrap(), ["a", "b"]);
        for nothing in ["", "null", "{}", r#"{"batchItemFailures": null}"#, r#"{"batchItemFailures": []}"#] {
            assert_eq!(processed(nothing.to_owned(), true).unwrap(), ["a", "b"], "{nothing}");
        }
        for malformed in [
            "{",
            r#""done""#,
            r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifer": "x"}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": "unknown"}]}"#,
        ] {
            assert!(processed(malformed.to_owned(), true).is_err(), "{malformed}");
            assert_eq!(processed(malformed.to_owned(), false).unwrap(), ["a", "b"], "{malformed}");
        }
    }

    #[tokio::test]
    async fn every_event_is_within_lambdas_limit() {
        let bodies = vec!["\"".repeat(1_048_000); 5];
        let batches = Batch::split(received(&bodies).await, ARN);
        assert_eq!(batches.iter().map(|batch| batch.messages.len()).collect::<Vec<_>>(), [3, 2]);
        assert!(batches.iter().all(|batch| batch.event().to_string().len() <= PAYLOAD_LIMIT));
    }
}
