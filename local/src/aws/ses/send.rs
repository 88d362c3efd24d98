//! `SendEmail`: what is checked, captured and told.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::address::Address;
use super::message::Message;
use super::request::{Content, Destination, Pair, Refusal, SendEmail};
use super::{events, head, identity};
use crate::identifiers;
use crate::mail::{CapturedMail, Mailbox};
use crate::template::{ConfigurationSet, EmailIdentity, MailEvent, MailSettings};
use crate::topics::Topics;

const RECIPIENT_LIMIT: usize = 50;
const TAG_LIMIT: usize = 256;

/// What sending works with.
pub(super) struct Sending {
    pub(super) settings: MailSettings,
    pub(super) mailbox: Mailbox,
    pub(super) topics: Topics,
}

/// A message, and, of a raw one, who it says that it is for.
enum Sent {
    Simple(Message),
    Raw(Message, Destination),
}

impl Sending {
    /// Captures the mail, or says why SES would not send it.
    pub(super) fn send(&self, request: SendEmail, now: Timestamp) -> Result<String, Refusal> {
        let named = request.destination.unwrap_or_default();
        let (message, raw, destination) = match sent(request.content)? {
            Sent::Simple(message) => (message, false, named),
            Sent::Raw(message, by_header) if named.all().next().is_none() => (message, true, by_header),
            Sent::Raw(message, _) => (message, true, named),
        };
        // A raw message may say itself who sends it; whoever is named anywhere must be verified.
        let from = message.header("From").map(str::to_owned).or_else(|| request.from_email_address.clone());
        let from = from.ok_or_else(|| Refusal::bad_request("Missing required header 'From'."))?;
        let identity = identity::verified(&self.settings.identities, &from)?;
        let others = [request.from_email_address.as_deref(), request.feedback_forwarding_email_address.as_deref()];
        let in_header = ["Sender", "Return-Path"].map(|name| message.header(name).filter(|_| raw));
        for sender in others.into_iter().chain(in_header).flatten() {
            identity::verified(&self.settings.identities, sender)?;
        }
        let recipients = recipients(&destination)?;
        for address in &request.reply_to_addresses {
            Address::read(address)?;
        }
        let set = self.configuration_set(request.configuration_set_name.as_deref(), identity)?;

        let mut mail = CapturedMail {
            id: identifiers::mail(now),
            time: now,
            from,
            to: destination.to,
            cc: destination.cc,
            bcc: destination.bcc,
            reply_to: request.reply_to_addresses,
            subject: message.subject,
            text: message.text,
            html: message.html,
            headers: message.headers,
            attachments: message.attachments,
            configuration_set: set.map(|set| set.name.clone()),
            tags: tags(request.email_tags)?,
        };
        mail.headers = if raw {
            head::raw(&mail)
        } else {
            let own = std::mem::take(&mut mail.headers);
            head::simple(&mail).into_iter().chain(own).collect()
        };
        let id = mail.id.clone();
        let events = set.map(|set| (set, events::of(&mail, &recipients, identity)));
        // First the mail, then what became of it: whoever hears of it can look at it.
        self.mailbox.add(mail);
        if let Some((set, events)) = events {
            self.publish(set, events);
        }
        Ok(id)
    }

    fn configuration_set(
        &self,
        name: Option<&str>,
        identity: &EmailIdentity,
    ) -> Result<Option<&ConfigurationSet>, Refusal> {
        let Some(name) = name.or(identity.configuration_set.as_deref()) else { return Ok(None) };
        let set = self.settings.configuration_sets.iter().find(|set| set.name == name);
        set.map(Some).ok_or_else(|| Refusal::not_found(format!("Configuration set <{name}> does not exist.")))
    }

    fn publish(&self, set: &ConfigurationSet, events: Vec<(MailEvent, String)>) {
        for (kind, event) in events {
            for destination in set.destinations.iter().filter(|destination| destination.events.contains(&kind)) {
                self.topics.publish(&destination.topic_arn, Some(events::SUBJECT), event.clone());
            }
        }
    }
}

fn sent(content: Content) -> Result<Sent, Refusal> {
    match content {
        Content { simple: Some(simple), raw: None, template: None } => Message::simple(simple).map(Sent::Simple),
        Content { simple: None, raw: Some(raw), template: None } => {
            Message::raw(&raw).map(|(message, destination)| Sent::Raw(message, destination))
        }
        Content { template: Some(_), .. } => {
            Err(Refusal::bad_request("the local cloud has no templates of SES; send Simple or Raw content"))
        }
        _ => Err(Refusal::bad_request("Content needs exactly one of Simple, Raw and Template.")),
    }
}

fn recipients(destination: &Destination) -> Result<Vec<Address>, Refusal> {
    let recipients: Vec<Address> = destination.all().map(|address| Address::read(address)).collect::<Result<_, _>>()?;
    match recipients.len() {
        0 => Err(Refusal::bad_request("Missing required header 'To'.")),
        1..=RECIPIENT_LIMIT => Ok(recipients),
        _ => Err(Refusal::bad_request(format!("Recipient count exceeds {RECIPIENT_LIMIT}."))),
    }
}

/// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html>
fn tags(pairs: Vec<Pair>) -> Result<BTreeMap<String, String>, Refusal> {
    let fits = |text: &str| {
        (1..=TAG_LIMIT).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    let mut tags = BTreeMap::new();
    for Pair { name, value } in pairs {
        if !fits(&name) || !fits(&value) {
            let message =
                "Invalid message tag: only alphanumeric ASCII characters, '_', and '-' are allowed, at most 256.";
            return Err(Refusal::bad_request(message));
        }
        if tags.insert(name, value).is_some() {
            return Err(Refusal::bad_request("A message tag is given twice."));
        }
    }
    Ok(tags)
}
