//! SNS topics, as far as one machine needs them: whoever publishes, such as the embedded SES, and the functions that
//! are subscribed.

use jiff::Timestamp;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{ambient, identifiers};

/// Where the local cloud's services publish.
#[derive(Debug, Clone)]
pub(crate) struct Topics {
    sender: UnboundedSender<Publication>,
}

/// What was published, in order. It is kept until it is read, so the services may start before the functions.
#[derive(Debug)]
pub(crate) struct Publications {
    receiver: UnboundedReceiver<Publication>,
}

/// A message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) topic_arn: String,
    pub(crate) message_id: String,
    pub(crate) subject: Option<String>,
    pub(crate) message: String,
    pub(crate) time: Timestamp,
}

impl Topics {
    /// Topics, and what is published in them. If the latter is dropped, nobody is subscribed.
    pub(crate) fn new() -> (Self, Publications) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender }, Publications { receiver })
    }

    /// Publishes `message` in the topic with the ARN `topic_arn`. The functions that are subscribed to it are invoked
    /// soon; a topic without any forgets it, as SNS does.
    pub(crate) fn publish(&self, topic_arn: &str, subject: Option<&str>, message: String) {
        let publication = Publication {
            topic_arn: topic_arn.to_owned(),
            message_id: identifiers::unique(),
            subject: subject.map(str::to_owned),
            message,
            time: ambient::now(),
        };
        // Without a receiver there is no subscriber.
        let _ = self.sender.send(publication);
    }
}

impl Publications {
    /// The next one; waits for it. `None` once nobody can publish any more.
    pub(crate) async fn next(&mut self) -> Option<Publication> {
        self.receiver.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_published_before_anybody_listens_is_kept_in_order() {
        let (topics, mut publications) = Topics::new();
        topics.publish("arn:one", None, "first".to_owned());
        topics.clone().publish("arn:two", Some("about"), "second".to_owned());
        drop(topics);
        let first = publications.next().await.unwrap();
        let second = publications.next().await.unwrap();
        assert_eq!((first.topic_arn.as_str(), first.message.as_str()), ("arn:one", "first"));
        assert_eq!((second.subject.as_deref(), second.message.as_str()), (Some("about"), "second"));
        assert_ne!(first.message_id, second.message_id);
        assert_eq!(publications.next().await, None);
    }

    #[test]
    fn publishing_without_subscribers_is_no_failure() {
        let (topics, publications) = Topics::new();
        drop(publications);
        topics.publish("arn:one", None, "unheard".to_owned());
    }
}
