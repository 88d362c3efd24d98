//! The embedded services as AWS's own SDK sees them, and what tests can do to its calls.

#![expect(clippy::unwrap_used, reason = "a test fails where it finds something else than it expects")]

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName, SendMessageBatchRequestEntry};
use local::{EmbeddedAws, Template};

const TEMPLATE: &str = "
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1 }
  Dead: { Type: 'AWS::SQS::Queue' }
";

struct Setting {
    aws: EmbeddedAws,
    client: Client,
    url: String,
}

impl Setting {
    fn new() -> Self {
        let aws = EmbeddedAws::start(&Template::parse(TEMPLATE, "template.yaml").unwrap()).unwrap();
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(aws.url())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .build();
        let url = format!("{}/000000000000/Jobs", aws.url());
        Self { aws, client: Client::from_conf(config), url }
    }

    /// How many messages can be received.
    async fn messages(&self) -> String {
        let names = aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
        let answer =
            self.client.get_queue_attributes().queue_url(&self.url).attribute_names(names.clone()).send().await;
        answer.unwrap().attributes().unwrap()[&names].clone()
    }

    async fn send(&self, body: &str) -> Result<String, String> {
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(|sent| sent.message_id().unwrap().to_owned())
            .map_err(|error| error.code().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn the_sdk_sends_receives_and_deletes() {
    let setting = Setting::new();
    let Setting { client, url, .. } = &setting;
    let attribute = MessageAttributeValue::builder().data_type("String").string_value("email").build().unwrap();
    let sent =
        client.send_message().queue_url(url).message_body("one").message_attributes("kind", attribute).send().await;
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(id).build().unwrap();
    let batch = client.send_message_batch().queue_url(url).entries(entry("two")).entries(entry("three")).send().await;
    assert_eq!(batch.unwrap().successful().len(), 2);

    let received = client
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .wait_time_seconds(20)
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap();
    let bodies: Vec<_> = received.messages().iter().filter_map(|message| message.body()).collect();
    assert_eq!(bodies, ["one", "two", "three"]);
    let first = &received.messages()[0];
    assert_eq!(first.message_id(), sent.unwrap().message_id());
    assert_eq!(first.message_attributes().unwrap()["kind"].string_value(), Some("email"));
    assert_eq!(first.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "1");

    let handle = first.receipt_handle().unwrap();
    client
        .change_message_visibility()
        .queue_url(url)
        .receipt_handle(handle)
        .visibility_timeout(60)
        .send()
        .await
        .unwrap();
    client.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
    assert_eq!(setting.messages().await, "0");
}

#[tokio::test]
async fn the_sdk_tells_errors_apart() {
    let Setting { client, url, .. } = &Setting::new();
    let nobody = url.replace("Jobs", "Nobody");
    let error = client.send_message().queue_url(nobody).message_body("x").send().await.unwrap_err();
    assert!(error.into_service_error().is_queue_does_not_exist());
    let error = client.delete_message().queue_url(url).receipt_handle("x").send().await.unwrap_err();
    assert!(error.into_service_error().is_receipt_handle_is_invalid());
    let error = client.purge_queue().queue_url("nonsense").send().await.unwrap_err();
    assert!(error.into_service_error().is_invalid_address());
}

#[tokio::test]
async fn calls_fail_as_often_as_a_test_asks_and_are_counted() {
    let setting = Setting::new();
    setting.aws.faults().fail("sqs", "SendMessage", "ThrottlingException", 400, 2);
    for _ in 0..2 {
        assert_eq!(setting.send("x").await.unwrap_err(), "ThrottlingException");
    }
    assert!(setting.send("x").await.is_ok());
    assert_eq!(setting.messages().await, "1");
    let calls = |operation| setting.aws.faults().calls("sqs", operation);
    assert_eq!((calls("SendMessage"), calls("GetQueueAttributes"), calls("DeleteMessage")), (3, 1, 0));
    assert_eq!(setting.aws.faults().calls("dynamodb", "SendMessage"), 0);
    let counts = [("sqs GetQueueAttributes", 1), ("sqs SendMessage", 3)];
    assert_eq!(setting.aws.faults().counts(), counts.map(|(call, count)| (call.to_owned(), count)).into());
}

#[tokio::test]
async fn held_calls_wait_before_the_service_sees_them() {
    let setting = Setting::new();
    let held = setting.aws.faults().hold("sqs", "SendMessage");
    let (sent, ()) = tokio::join!(setting.send("x"), async {
        held.reached().await;
        assert_eq!(setting.messages().await, "0");
        held.release();
    });
    assert!(sent.is_ok());

    let held = setting.aws.faults().hold("sqs", "SendMessage");
    let (sent, ()) = tokio::join!(setting.send("x"), async {
        held.reached().await;
        held.refuse("InternalError", 500);
    });
    assert_eq!(sent.unwrap_err(), "InternalError");
    assert_eq!(setting.messages().await, "1");
    assert!(setting.send("x").await.is_ok());
}

#[tokio::test]
async fn an_answer_gets_lost_after_the_work_is_done() {
    let setting = Setting::new();
    let held = setting.aws.faults().hold_answer("sqs", "SendMessage");
    let sending = tokio::spawn({
        let (client, url) = (setting.client.clone(), setting.url.clone());
        async move { client.send_message().queue_url(url).message_body("x").send().await.is_ok() }
    });
    held.reached().await;
    assert_eq!(setting.messages().await, "1");
    held.lose();
    // The caller would wait forever; one that has gone away hears nothing, either.
    assert!(!sending.is_finished());
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    assert_eq!(setting.send("y").await.map(|id| id.len()), Ok(36));
    assert_eq!(setting.messages().await, "2");
}

#[tokio::test]
async fn a_call_that_is_lost_before_the_service_is_never_done() {
    let setting = Setting::new();
    let held = setting.aws.faults().hold("sqs", "SendMessage");
    let sending = tokio::time::timeout(Duration::from_mins(1), setting.send("x"));
    tokio::select! {
        _ = sending => unreachable!("the call is held"),
        () = held.reached() => {}
    }
    // Its caller is gone.
    held.lose();
    assert!(setting.send("y").await.is_ok());
    assert_eq!(setting.messages().await, "1");
}
