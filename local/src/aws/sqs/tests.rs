//! What clients of SQS can rely on, at the level of its protocol. Time is tokio's, and passes at once.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, advance};

use super::{Queues, operations};
use crate::template::Template;

const URL: &str = "http://127.0.0.1:4566/000000000000/Jobs";

const TEMPLATE: &str = "
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2 }
  Dead:
    Type: AWS::SQS::Queue
  Small:
    Type: AWS::SQS::Queue
    Properties: { MaximumMessageSize: 1024, MessageRetentionPeriod: 60, DelaySeconds: 5 }
";

struct Sqs {
    queues: Arc<Queues>,
}

impl Sqs {
    fn new() -> Self {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        Self { queues: Queues::new("http://127.0.0.1:4566", template.queues()) }
    }

    async fn try_call(&self, operation: &str, queue: &str, parameters: Value) -> Result<Value, String> {
        let mut body = parameters;
        body["QueueUrl"] = URL.replace("Jobs", queue).into();
        let answer = operations::run(&self.queues, operation, "/", &Bytes::from(body.to_string())).await;
        answer.map(|answer| serde_json::from_slice(&answer).unwrap()).map_err(|error| error.query_code())
    }

    async fn call(&self, operation: &str, parameters: Value) -> Value {
        self.try_call(operation, "Jobs", parameters).await.unwrap()
    }

    async fn error(&self, operation: &str, parameters: Value) -> String {
        self.try_call(operation, "Jobs", parameters).await.unwrap_err()
    }

    async fn send(&self, body: &str) {
        self.call("SendMessage", json!({"MessageBody": body})).await;
    }

    /// The bodies and receipt handles of what can be received now.
    async fn receive(&self) -> Vec<(String, String)> {
        self.receive_from("Jobs").await
    }

    async fn receive_from(&self, queue: &str) -> Vec<(String, String)> {
        let answer = self.try_call("ReceiveMessage", queue, json!({"MaxNumberOfMessages": 10})).await.unwrap();
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        messages.iter().map(|message| (text(&message["Body"]), text(&message["ReceiptHandle"]))).collect()
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_received_message_comes_back_until_it_is_deleted() {
    let sqs = Sqs::new();
    sqs.send("work").await;
    let (body, _) = sqs.receive().await.remove(0);
    assert_eq!(body, "work");
    assert!(sqs.receive().await.is_empty());
    advance(seconds(59)).await;
    assert!(sqs.receive().await.is_empty());
    advance(seconds(1)).await;
    let (_, handle) = sqs.receive().await.remove(0);
    sqs.call("DeleteMessage", json!({"ReceiptHandle": handle})).await;
    advance(seconds(3600)).await;
    assert!(sqs.receive().await.is_empty());
    // Twice is no error.
    sqs.call("DeleteMessage", json!({"ReceiptHandle": handle})).await;
}

#[tokio::test(start_paused = true)]
async fn an_old_receipt_deletes_nothing() {
    let sqs = Sqs::new();
    sqs.send("work").await;
    let (_, old) = sqs.receive().await.remove(0);
    advance(seconds(60)).await;
    assert_eq!(sqs.receive().await.len(), 1);
    sqs.call("DeleteMessage", json!({"ReceiptHandle": old})).await;
    assert_eq!(sqs.queues.get("Jobs").unwrap().counts().in_flight, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_received_too_often_goes_to_the_dead_letters() {
    let sqs = Sqs::new();
    sqs.send("poison").await;
    for _ in 0..2 {
        assert_eq!(sqs.receive().await.len(), 1);
        advance(seconds(60)).await;
    }
    assert!(sqs.receive().await.is_empty());
    let answer = sqs.try_call("ReceiveMessage", "Dead", json!({"MessageSystemAttributeNames": ["All"]})).await.unwrap();
    let dead = &answer["Messages"][0];
    assert_eq!((&dead["Body"], &dead["Attributes"]["ApproximateReceiveCount"]), (&json!("poison"), &json!("3")));
    assert_eq!(dead["Attributes"]["DeadLetterQueueSourceArn"], "arn:aws:sqs:us-east-1:000000000000:Jobs");
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_with_the_first_message_or_with_its_time() {
    let sqs = Sqs::new();
    let began = Instant::now();
    let answer = sqs.call("ReceiveMessage", json!({"WaitTimeSeconds": 20})).await;
    assert_eq!((answer, began.elapsed()), (json!({}), seconds(20)));

    let wait = sqs.call("ReceiveMessage", json!({"WaitTimeSeconds": 20}));
    let (answer, ()) = tokio::join!(wait, async {
        tokio::time::sleep(seconds(3)).await;
        sqs.send("work").await;
    });
    assert_eq!((&answer["Messages"][0]["Body"], began.elapsed()), (&json!("work"), seconds(23)));

    // What comes back by itself wakes it, too.
    let answer = sqs.call("ReceiveMessage", json!({"WaitTimeSeconds": 20})).await;
    assert_eq!(answer, json!({}));
    advance(seconds(30)).await;
    let answer = sqs.call("ReceiveMessage", json!({"WaitTimeSeconds": 20})).await;
    assert_eq!((&answer["Messages"][0]["Body"], began.elapsed()), (&json!("work"), seconds(83)));
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_is_hidden_at_first() {
    let sqs = Sqs::new();
    sqs.call("SendMessage", json!({"MessageBody": "later", "DelaySeconds": 900})).await;
    assert_eq!(sqs.queues.get("Jobs").unwrap().counts().delayed, 1);
    advance(seconds(899)).await;
    assert!(sqs.receive().await.is_empty());
    advance(seconds(1)).await;
    assert_eq!(sqs.receive().await.len(), 1);
    assert_eq!(
        sqs.error("SendMessage", json!({"MessageBody": "x", "DelaySeconds": 901})).await,
        "InvalidParameterValue"
    );

    // The queue's own delay.
    sqs.try_call("SendMessage", "Small", json!({"MessageBody": "soon"})).await.unwrap();
    assert!(sqs.receive_from("Small").await.is_empty());
    advance(seconds(5)).await;
    assert_eq!(sqs.receive_from("Small").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_forgotten() {
    let sqs = Sqs::new();
    sqs.try_call("SendMessage", "Small", json!({"MessageBody": "old"})).await.unwrap();
    advance(seconds(60)).await;
    assert!(sqs.receive_from("Small").await.is_empty());
    assert!(sqs.queues.get("Small").unwrap().contents().is_empty());
}

#[tokio::test(start_paused = true)]
async fn visibility_can_be_changed_up_to_twelve_hours_in_all() {
    let sqs = Sqs::new();
    sqs.send("work").await;
    let (_, handle) = sqs.receive().await.remove(0);
    let change = |timeout: i64| json!({"ReceiptHandle": handle, "VisibilityTimeout": timeout});
    sqs.call("ChangeMessageVisibility", change(120)).await;
    advance(seconds(119)).await;
    assert!(sqs.receive().await.is_empty());
    assert_eq!(sqs.error("ChangeMessageVisibility", change(43_200)).await, "InvalidParameterValue");
    assert_eq!(sqs.error("ChangeMessageVisibility", change(43_201)).await, "InvalidParameterValue");
    assert_eq!(sqs.error("ChangeMessageVisibility", change(-1)).await, "InvalidParameterValue");
    sqs.call("ChangeMessageVisibility", change(0)).await;
    assert_eq!(sqs.error("ChangeMessageVisibility", change(0)).await, "AWS.SimpleQueueService.MessageNotInflight");
    assert_eq!(sqs.receive().await.len(), 1);
    assert_eq!(sqs.error("ChangeMessageVisibility", change(0)).await, "InvalidParameterValue");
}

#[tokio::test]
async fn attributes_pass_through_as_far_as_they_are_asked_for() {
    let sqs = Sqs::new();
    let attributes = json!({
        "job.kind": {"DataType": "String", "StringValue": "email"},
        "raw": {"DataType": "Binary", "BinaryValue": "AAEC"},
    });
    let sent = sqs.call("SendMessage", json!({"MessageBody": "hello", "MessageAttributes": attributes})).await;
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");

    let ask = json!({"MessageAttributeNames": ["All"], "AttributeNames": ["SenderId"], "VisibilityTimeout": 0});
    let message = sqs.call("ReceiveMessage", ask).await["Messages"][0].take();
    assert_eq!(message["MessageAttributes"], attributes);
    assert_eq!(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    assert_eq!(message["MD5OfBody"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(message["Attributes"], json!({"SenderId": "000000000000"}));

    let ask = json!({"MessageAttributeNames": ["job.*"]});
    let message = sqs.call("ReceiveMessage", ask).await["Messages"][0].take();
    assert_eq!(message["MessageAttributes"], json!({"job.kind": {"DataType": "String", "StringValue": "email"}}));
    assert!(message.get("Attributes").is_none());
}

#[tokio::test]
async fn entries_of_a_batch_succeed_or_fail_for_themselves() {
    let sqs = Sqs::new();
    let entries = json!([
        {"Id": "a", "MessageBody": "one"},
        {"Id": "b", "MessageBody": "two\u{0}"},
        {"Id": "c", "MessageBody": "three"},
    ]);
    let answer = sqs.call("SendMessageBatch", json!({"Entries": entries})).await;
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|entry| entry["Id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((ids(&answer["Successful"]), ids(&answer["Failed"])), (vec!["a".into(), "c".into()], vec!["b".into()]));
    assert_eq!(answer["Failed"][0]["Code"], "InvalidMessageContents");

    let received = sqs.receive().await;
    let entries = json!([
        {"Id": "a", "ReceiptHandle": received[0].1, "VisibilityTimeout": 0},
        {"Id": "b", "ReceiptHandle": "nonsense", "VisibilityTimeout": 0},
    ]);
    let answer = sqs.call("ChangeMessageVisibilityBatch", json!({"Entries": entries})).await;
    assert_eq!(
        (ids(&answer["Successful"]), &answer["Failed"][0]["Code"]),
        (vec!["a".into()], &json!("ReceiptHandleIsInvalid"))
    );
    let entries = json!([{"Id": "x", "ReceiptHandle": received[0].1}, {"Id": "y", "ReceiptHandle": received[1].1}]);
    let answer = sqs.call("DeleteMessageBatch", json!({"Entries": entries})).await;
    assert_eq!(ids(&answer["Successful"]), ["x", "y"]);
    assert!(sqs.queues.get("Jobs").unwrap().contents().is_empty());
}

#[tokio::test]
async fn batches_that_sqs_refuses_are_refused() {
    let sqs = Sqs::new();
    let entry = |id: &str, size: usize| json!({"Id": id, "MessageBody": "x".repeat(size)});
    for (entries, code) in [
        (Vec::new(), "EmptyBatchRequest"),
        ((0..11).map(|n| entry(&n.to_string(), 1)).collect(), "TooManyEntriesInBatchRequest"),
        (vec![entry("a", 1), entry("a", 1)], "BatchEntryIdsNotDistinct"),
        (vec![entry("a b", 1)], "InvalidBatchEntryId"),
        (vec![entry("a", 524_288), entry("b", 524_289)], "BatchRequestTooLong"),
    ] {
        let answer = sqs.error("SendMessageBatch", json!({"Entries": entries})).await;
        assert_eq!(answer, format!("AWS.SimpleQueueService.{code}"));
    }
}

#[tokio::test]
async fn a_binary_attribute_counts_its_bytes_against_the_limit_of_a_batch() {
    let sqs = Sqs::new();
    let batch = |bytes: usize| {
        let value = json!({"DataType": "Binary", "BinaryValue": STANDARD.encode(vec![0; bytes])});
        json!({"Entries": [{"Id": "a", "MessageBody": "x", "MessageAttributes": {"raw": value}}]})
    };
    let largest = 1_048_576 - "x".len() - "rawBinary".len();
    let answer = sqs.call("SendMessageBatch", batch(largest)).await;
    assert_eq!((&answer["Successful"][0]["Id"], &answer["Failed"]), (&json!("a"), &json!([])));
    let error = sqs.error("SendMessageBatch", batch(largest + 1)).await;
    assert_eq!(error, "AWS.SimpleQueueService.BatchRequestTooLong");
}

#[tokio::test]
async fn a_message_has_a_limit_that_its_attributes_count_against() {
    let sqs = Sqs::new();
    sqs.send(&"x".repeat(1_048_576)).await;
    let large = json!({"MessageBody": "x".repeat(1_048_577)});
    assert_eq!(sqs.error("SendMessage", large).await, "InvalidParameterValue");
    let attributes = json!({"a": {"DataType": "String", "StringValue": "b"}});
    let of_size = |size: usize| json!({"MessageBody": "x".repeat(size), "MessageAttributes": attributes});
    assert!(sqs.try_call("SendMessage", "Small", of_size(1016)).await.is_ok());
    assert!(sqs.try_call("SendMessage", "Small", of_size(1017)).await.is_err());
}

#[tokio::test]
async fn what_is_wrong_has_the_name_that_clients_look_for() {
    let sqs = Sqs::new();
    let missing = sqs.try_call("SendMessage", "Nobody", json!({"MessageBody": "x"})).await.unwrap_err();
    assert_eq!(missing, "AWS.SimpleQueueService.NonExistentQueue");
    for (operation, parameters, code) in [
        ("SendMessage", json!({}), "MissingParameter"),
        ("SendMessage", json!({"MessageBody": ""}), "MissingParameter"),
        ("SendMessage", json!({"MessageBody": 5}), "SerializationException"),
        ("SendMessage", json!({"MessageBody": "x", "MessageDeduplicationId": "1"}), "InvalidParameterValue"),
        ("DeleteMessage", json!({"ReceiptHandle": "x"}), "ReceiptHandleIsInvalid"),
        ("DeleteMessage", json!({}), "MissingParameter"),
        ("ReceiveMessage", json!({"MaxNumberOfMessages": 11}), "InvalidParameterValue"),
        ("ReceiveMessage", json!({"WaitTimeSeconds": 21}), "InvalidParameterValue"),
        ("GetQueueAttributes", json!({"AttributeNames": ["Other"]}), "InvalidAttributeName"),
        ("CreateQueue", json!({"QueueName": "x"}), "AWS.SimpleQueueService.UnsupportedOperation"),
    ] {
        assert_eq!(sqs.error(operation, parameters.clone()).await, code, "{operation} {parameters}");
    }
}

#[tokio::test]
async fn queues_can_be_found_looked_at_and_emptied() {
    let sqs = Sqs::new();
    let urls = sqs.call("ListQueues", json!({"QueueNamePrefix": "J"})).await;
    assert_eq!(urls, json!({"QueueUrls": [URL]}));
    assert_eq!(sqs.call("GetQueueUrl", json!({"QueueName": "Jobs"})).await, json!({"QueueUrl": URL}));
    sqs.send("one").await;
    sqs.send("two").await;
    sqs.call("ReceiveMessage", json!({})).await;
    let names = json!(["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "RedrivePolicy"]);
    let answer = sqs.call("GetQueueAttributes", json!({"AttributeNames": names})).await;
    assert_eq!(
        answer["Attributes"],
        json!({
            "ApproximateNumberOfMessages": "1",
            "ApproximateNumberOfMessagesNotVisible": "1",
            "RedrivePolicy": r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:Dead","maxReceiveCount":2}"#,
        })
    );
    sqs.call("PurgeQueue", json!({})).await;
    let counts = sqs.queues.get("Jobs").unwrap().counts();
    assert_eq!((counts.visible, counts.in_flight, counts.delayed), (0, 0, 0));
}

#[tokio::test]
async fn the_address_of_a_request_names_its_queue_if_its_body_does_not() {
    let sqs = Sqs::new();
    let body = Bytes::from_static(br#"{"MessageBody": "x"}"#);
    assert!(operations::run(&sqs.queues, "SendMessage", "/000000000000/Jobs", &body).await.is_ok());
    let error = operations::run(&sqs.queues, "SendMessage", "/", &body).await.unwrap_err();
    assert_eq!(error.query_code(), "MissingParameter");
}
