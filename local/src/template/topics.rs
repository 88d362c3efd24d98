//! `AWS::SNS::Topic`: a name that services publish under and functions subscribe to.

use super::{ACCOUNT, Fault, REGION, Resource};

/// Properties that have no effect on one machine.
const ACCOUNT_ONLY: &[&str] = &["DisplayName", "KmsMasterKeyId", "Tags", "TracingConfig"];

/// What `!Ref` of a topic gives.
pub(super) fn arn(logical_id: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{logical_id}")
}

/// Checks that nothing of the topic would be lost. Its name is its logical id.
pub(super) fn check(resource: &Resource<'_>) -> Result<(), Fault> {
    let entries = resource.properties.map_or(Ok(&[][..]), |properties| properties.entries("Properties"))?;
    match entries.iter().find(|(key, _)| !ACCOUNT_ONLY.contains(&key.text.as_str())) {
        None => Ok(()),
        Some((key, _)) => {
            Err(Fault::at(key.line, format!("the local cloud does not support `{}` of a topic", key.text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::template::Template;

    const TEMPLATE: &str = "
Resources:
  MailEvents:
    Type: AWS::SNS::Topic
    Properties: { KmsMasterKeyId: alias/aws/sns }
  MailEventsPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties: { Topics: [!Ref MailEvents] }
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/bootstrap.zip
      Environment: { Variables: { TOPIC: !Ref MailEvents } }
";

    #[test]
    fn a_topic_is_referred_to_by_its_arn() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [function] = template.functions() else { panic!("there is one function") };
        assert_eq!(
            function.environment()["TOPIC"].resolve("", |_| None),
            "arn:aws:sns:us-east-1:000000000000:MailEvents"
        );
    }

    #[test]
    fn properties_that_would_be_lost_are_faults() {
        let text = TEMPLATE.replace("KmsMasterKeyId: alias/aws/sns", "FifoTopic: true");
        let error = Template::parse(&text, "template.yaml").unwrap_err().to_string();
        assert_eq!(error, "template.yaml:5: the local cloud does not support `FifoTopic` of a topic");
    }
}
