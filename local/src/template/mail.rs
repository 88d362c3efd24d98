//! `AWS::SES::*`: who may send mail, and where it is told what became of it.

use super::resolve::Scope;
use super::yaml::{Entry, Node, Value};
use super::{ACCOUNT, Fault, Kind, REGION, Resource};

/// Properties that have no effect on one machine, where nothing leaves and nobody complains.
const IDENTITY_ACCOUNT_ONLY: &[&str] =
    &["DkimAttributes", "DkimSigningAttributes", "FeedbackAttributes", "MailFromAttributes", "Tags"];
const SET_ACCOUNT_ONLY: &[&str] =
    &["DeliveryOptions", "ReputationOptions", "SuppressionOptions", "Tags", "TrackingOptions", "VdmOptions"];

/// What the template says about mail.
#[derive(Debug, Clone, Default)]
pub struct MailSettings {
    pub(crate) identities: Vec<EmailIdentity>,
    pub(crate) configuration_sets: Vec<ConfigurationSet>,
}

/// An address or a domain that may send. Locally it is verified from the start.
#[derive(Debug, Clone)]
pub(crate) struct EmailIdentity {
    pub(crate) name: String,
    /// The configuration set of mails that name none.
    pub(crate) configuration_set: Option<String>,
}

impl EmailIdentity {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/{}", self.name)
    }
}

/// A configuration set, and where its events go.
#[derive(Debug, Clone)]
pub(crate) struct ConfigurationSet {
    pub(crate) name: String,
    pub(crate) destinations: Vec<EventDestination>,
}

/// A topic that is told about events.
#[derive(Debug, Clone)]
pub(crate) struct EventDestination {
    pub(crate) topic_arn: String,
    pub(crate) events: Vec<MailEvent>,
}

/// What can become of a mail. Others than these do not happen on one machine, so that nobody is told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailEvent {
    Send,
    Delivery,
    Bounce,
    Complaint,
    Other,
}

impl MailEvent {
    /// Reads a name of `MatchingEventTypes`; a template may use those of either version of SES.
    fn read(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().replace('_', "").as_str() {
            "send" => Self::Send,
            "delivery" => Self::Delivery,
            "bounce" => Self::Bounce,
            "complaint" => Self::Complaint,
            "reject" | "open" | "click" | "renderingfailure" | "deliverydelay" | "subscription" => Self::Other,
            _ => return None,
        })
    }
}

/// What `!Ref` of an identity or configuration set gives: its name, or the logical id if it has none.
pub(super) fn name(resource: &Resource<'_>, scope: &Scope) -> Result<String, Fault> {
    let property = if resource.kind == Kind::EmailIdentity { "EmailIdentity" } else { "Name" };
    match resource.property(property) {
        Some(node) => scope.text(node),
        None if resource.kind == Kind::EmailIdentity => {
            Err(Fault::at(resource.line, format!("`{}` needs `EmailIdentity`", resource.id)))
        }
        None => Ok(resource.id.to_owned()),
    }
}

/// Reads all resources of SES. Event destinations come last, as they belong to sets that may stand below them.
pub(super) fn read(resources: &[Resource<'_>], scope: &Scope) -> Result<MailSettings, Fault> {
    let mut settings = MailSettings::default();
    let of = |kind| resources.iter().filter(move |resource| resource.kind == kind);
    for resource in of(Kind::ConfigurationSet) {
        settings.configuration_sets.push(configuration_set(resource, scope)?);
    }
    for resource in of(Kind::EmailIdentity) {
        settings.identities.push(identity(resource, scope)?);
    }
    for resource in of(Kind::EventDestination) {
        let set = resource.property("ConfigurationSetName").ok_or_else(|| missing(resource, "ConfigurationSetName"))?;
        let name = scope.text(set)?;
        let destination = event_destination(resource, scope)?;
        let owner = settings.configuration_sets.iter_mut().find(|set| set.name == name).ok_or_else(|| {
            Fault::at(set.line, format!("`{name}` is not the name of a configuration set of this template"))
        })?;
        owner.destinations.extend(destination);
    }
    Ok(settings)
}

fn identity(resource: &Resource<'_>, scope: &Scope) -> Result<EmailIdentity, Fault> {
    let mut configuration_set = None;
    for (key, node) in entries(resource.properties)? {
        match key.text.as_str() {
            "EmailIdentity" => {}
            "ConfigurationSetAttributes" => {
                configuration_set = node.get("ConfigurationSetName").map(|name| scope.text(name)).transpose()?;
            }
            name if IDENTITY_ACCOUNT_ONLY.contains(&name) => {}
            other => return Err(unsupported(key.line, other, "an email identity")),
        }
    }
    Ok(EmailIdentity { name: name(resource, scope)?, configuration_set })
}

fn configuration_set(resource: &Resource<'_>, scope: &Scope) -> Result<ConfigurationSet, Fault> {
    for (key, _) in entries(resource.properties)? {
        if key.text != "Name" && !SET_ACCOUNT_ONLY.contains(&key.text.as_str()) {
            return Err(unsupported(key.line, &key.text, "a configuration set"));
        }
    }
    Ok(ConfigurationSet { name: name(resource, scope)?, destinations: Vec::new() })
}

/// `None` if the destination is disabled, or somewhere that only an account has.
fn event_destination(resource: &Resource<'_>, scope: &Scope) -> Result<Option<EventDestination>, Fault> {
    for (key, _) in entries(resource.properties)? {
        if !["ConfigurationSetName", "EventDestination"].contains(&key.text.as_str()) {
            return Err(unsupported(key.line, &key.text, "an event destination"));
        }
    }
    let destination = resource.property("EventDestination").ok_or_else(|| missing(resource, "EventDestination"))?;
    let mut enabled = true;
    let mut topic_arn = None;
    let mut events = Vec::new();
    for (key, node) in destination.entries("EventDestination")? {
        match key.text.as_str() {
            "Name" | "CloudWatchDestination" => {}
            "Enabled" => enabled = scope.text(node)? == "true",
            "MatchingEventTypes" => events = event_types(node, scope)?,
            "SnsDestination" => topic_arn = node.get("TopicARN").map(|arn| scope.text(arn)).transpose()?,
            other => return Err(unsupported(key.line, other, "an event destination")),
        }
    }
    if events.is_empty() {
        return Err(missing(resource, "MatchingEventTypes"));
    }
    Ok(topic_arn.filter(|_| enabled).map(|topic_arn| EventDestination { topic_arn, events }))
}

fn event_types(node: &Node, scope: &Scope) -> Result<Vec<MailEvent>, Fault> {
    let Value::Sequence(items) = &node.value else {
        return Err(Fault::at(node.line, "`MatchingEventTypes` must be a list"));
    };
    let read = |item: &Node| {
        let name = scope.text(item)?;
        MailEvent::read(&name).ok_or_else(|| Fault::at(item.line, format!("`{name}` is no event that SES publishes")))
    };
    items.iter().map(read).collect()
}

fn entries(properties: Option<&Node>) -> Result<&[Entry], Fault> {
    properties.map_or(Ok(&[]), |properties| properties.entries("Properties"))
}

fn missing(resource: &Resource<'_>, property: &str) -> Fault {
    Fault::at(resource.line, format!("`{}` needs `{property}`", resource.id))
}

fn unsupported(line: usize, property: &str, what: &str) -> Fault {
    Fault::at(line, format!("the local cloud does not support `{property}` of {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    const TEMPLATE: &str = "
Parameters:
  Domain: { Type: String, Default: example.com }
Resources:
  Events:
    Type: AWS::SES::ConfigurationSetEventDestination
    Properties:
      ConfigurationSetName: !Ref Set
      EventDestination:
        Name: feedback
        Enabled: true
        MatchingEventTypes: [bounce, COMPLAINT, RENDERING_FAILURE]
        SnsDestination: { TopicARN: !Ref Topic }
  Set: { Type: AWS::SES::ConfigurationSet }
  Sender:
    Type: AWS::SES::EmailIdentity
    Properties:
      EmailIdentity: !Ref Domain
      ConfigurationSetAttributes: { ConfigurationSetName: !Ref Set }
      DkimSigningAttributes: { NextSigningKeyLength: RSA_2048_BIT }
  Topic: { Type: AWS::SNS::Topic }
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/bootstrap.zip
      Environment: { Variables: { SENDER: !Sub 'api@${Sender}', SET: !Ref Set } }
";

    fn fault(from: &str, to: &str) -> String {
        assert!(TEMPLATE.contains(from), "{from}");
        Template::parse(&TEMPLATE.replace(from, to), "template.yaml").expect_err("it has a fault").to_string()
    }

    #[test]
    fn identities_sets_and_destinations_belong_together() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [identity] = template.mail().identities.as_slice() else { panic!("there is one identity") };
        assert_eq!((identity.name.as_str(), identity.configuration_set.as_deref()), ("example.com", Some("Set")));
        assert_eq!(identity.arn(), "arn:aws:ses:us-east-1:000000000000:identity/example.com");
        let [set] = template.mail().configuration_sets.as_slice() else { panic!("there is one set") };
        let [destination] = set.destinations.as_slice() else { panic!("there is one destination") };
        assert_eq!(destination.topic_arn, "arn:aws:sns:us-east-1:000000000000:Topic");
        assert_eq!(destination.events, [MailEvent::Bounce, MailEvent::Complaint, MailEvent::Other]);
    }

    #[test]
    fn references_give_names() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [function] = template.functions() else { panic!("there is one function") };
        assert_eq!(function.environment()["SENDER"].resolve("", |_| None), "api@example.com");
        assert_eq!(function.environment()["SET"].resolve("", |_| None), "Set");
    }

    #[test]
    fn a_disabled_destination_is_told_nothing() {
        let text = TEMPLATE.replace("Enabled: true", "Enabled: false");
        let template = Template::parse(&text, "template.yaml").unwrap();
        assert!(template.mail().configuration_sets[0].destinations.is_empty());
    }

    #[test]
    fn what_would_be_lost_is_a_fault_with_its_line() {
        assert_eq!(
            fault("SnsDestination: { TopicARN: !Ref Topic }", "EventBridgeDestination: {}"),
            "template.yaml:13: the local cloud does not support `EventBridgeDestination` of an event destination"
        );
        assert_eq!(
            fault("[bounce, COMPLAINT, RENDERING_FAILURE]", "[bounces]"),
            "template.yaml:12: `bounces` is no event that SES publishes"
        );
        assert_eq!(
            fault(
                "ConfigurationSetName: !Ref Set\n      EventDestination",
                "ConfigurationSetName: Other\n      EventDestination"
            ),
            "template.yaml:8: `Other` is not the name of a configuration set of this template"
        );
        assert_eq!(fault("EmailIdentity: !Ref Domain", "Tags: []"), "template.yaml:15: `Sender` needs `EmailIdentity`");
    }
}
