//! `Type: SNS`: a function that is invoked with what is published in a topic.

use super::{Event, Fault, Function, Scope};
use crate::template::topics;

/// A function's subscription to a topic.
#[derive(Debug, Clone)]
pub struct Subscription {
    topic_arn: String,
    function: String,
}

impl Subscription {
    /// The ARN of the topic.
    pub fn topic_arn(&self) -> &str {
        &self.topic_arn
    }

    /// The name of the function.
    pub fn function(&self) -> &str {
        &self.function
    }
}

pub(super) fn read(event: &Event<'_>, function: &Function, scope: &Scope) -> Result<Subscription, Fault> {
    let mut topic = None;
    for (key, node) in event.properties {
        match key.text.as_str() {
            "Topic" => {
                let arn = scope.text(node)?;
                let known = arn.strip_prefix(&topics::arn("")).is_some_and(|name| scope.is_topic(name));
                if !known {
                    return Err(Fault::at(node.line, "`Topic` must be a topic of this template: !Ref Topic"));
                }
                topic = Some(arn);
            }
            // Where SNS would put what could not be delivered: here the console says so.
            "RedrivePolicy" => {}
            _ => return Err(Event::unsupported(key, "an SNS event")),
        }
    }
    let topic_arn = topic.ok_or_else(|| event.fault(format!("the SNS event `{}` needs a `Topic`", event.name)))?;
    Ok(Subscription { topic_arn, function: function.name().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::with_event;

    #[test]
    fn a_function_subscribes_to_a_topic() {
        let template = with_event("{ Type: SNS, Properties: { Topic: !Ref T } }").unwrap();
        let [subscription] = template.subscriptions() else { panic!("there is one subscription") };
        assert_eq!(subscription.topic_arn(), "arn:aws:sns:us-east-1:000000000000:T");
        assert_eq!(subscription.function(), "fn");
    }

    #[test]
    fn faults_name_their_line() {
        for (properties, message) in [
            ("Topic: !Ref Q", "9: `Topic` must be a topic of this template: !Ref Topic"),
            ("FilterPolicy: {}", "9: the local cloud does not support `FilterPolicy` of an SNS event"),
            ("", "8: the SNS event `E` needs a `Topic`"),
        ] {
            let error = with_event(&format!("{{ Type: SNS, Properties: {{ {properties} }} }}")).unwrap_err();
            assert_eq!(error, format!("template.yaml:{message}"));
        }
    }
}
