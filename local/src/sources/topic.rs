//! Topics: what is published goes to every function that is subscribed.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Invoker, Stop};
use crate::functions::Pool;
use crate::identifiers;
use crate::template::Subscription;
use crate::topics::{Publication, Publications};

/// Delivers what is published until it is told to stop.
pub(crate) async fn deliver(
    mut publications: Publications,
    subscriptions: Vec<(Subscription, Arc<Pool>)>,
    invoker: Invoker,
    mut stop: Stop,
) {
    let mut running = JoinSet::new();
    loop {
        let publication = tokio::select! {
            () = stop.requested() => break,
            publication = publications.next() => publication,
        };
        let Some(publication) = publication else { break };
        while running.try_join_next().is_some() {}
        for (subscription, pool) in &subscriptions {
            if subscription.topic_arn() != publication.topic_arn {
                continue;
            }
            let (pool, invoker, stop) = (Arc::clone(pool), invoker.clone(), stop.clone());
            let event = event(&publication);
            let source = format!("SNS {}", publication.topic_arn.rsplit(':').next().unwrap_or_default());
            running.spawn(async move { invoker.deliver(&pool, &source, event, stop).await });
        }
    }
    while running.join_next().await.is_some() {}
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html#sns-sample-event>
fn event(publication: &Publication) -> Value {
    let Publication { topic_arn, message_id, subject, message, time } = publication;
    let subscription = format!("{topic_arn}:{}", identifiers::unique());
    json!({
        "Records": [{
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription,
            "EventSource": "aws:sns",
            "Sns": {
                "Type": "Notification",
                "MessageId": message_id,
                "TopicArn": topic_arn,
                "Subject": subject,
                "Message": message,
                "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
                "SignatureVersion": "1",
                // Lambda has checked the signature; nothing here could.
                "Signature": "local",
                "SigningCertUrl": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-local.pem",
                "UnsubscribeUrl": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
                "MessageAttributes": {},
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_of_sns() {
        let publication = Publication {
            topic_arn: "arn:aws:sns:us-east-1:000000000000:MailEvents".to_owned(),
            message_id: "7".to_owned(),
            subject: None,
            message: r#"{"eventType":"Bounce"}"#.to_owned(),
            time: "2026-11-20T17:00:01.5Z".parse().unwrap(),
        };
        let event = event(&publication);
        let record = &event["Records"][0];
        assert_eq!(record["EventSource"], "aws:sns");
        assert!(record["EventSubscriptionArn"].as_str().unwrap().starts_with(&publication.topic_arn));
        let sns = &record["Sns"];
        assert_eq!((&sns["Message"], &sns["Subject"]), (&json!(publication.message), &Value::Null));
        assert_eq!((&sns["Timestamp"], &sns["MessageId"]), (&json!("2026-11-20T17:00:01.500Z"), &json!("7")));
    }
}
