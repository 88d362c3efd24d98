//! What becomes of a mail, told as SES tells it.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::address::Address;
use super::simulator::Outcome;
use crate::identifiers;
use crate::mail::CapturedMail;
use crate::template::{ACCOUNT, EmailIdentity, MailEvent};

/// The subject of what SES publishes in a topic.
pub(super) const SUBJECT: &str = "Amazon SES Email Event Notification";

const REPORTING_MTA: &str = "a8-1.smtp-out.amazonses.com";

/// What SES says in place of a reply when it does not even try.
const SUPPRESSED: &str = "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an \
     invalid address.";

/// The events of one mail, in the order in which they happen.
pub(super) fn of(mail: &CapturedMail, recipients: &[Address], identity: &EmailIdentity) -> Vec<(MailEvent, String)> {
    let about = about(mail, recipients, identity);
    let mut events = vec![(MailEvent::Send, event("Send", json!({}), &about))];
    for recipient in recipients {
        let address = recipient.to_string();
        let outcome = Outcome::of(recipient);
        if outcome.is_delivered() {
            events.push((MailEvent::Delivery, event("Delivery", delivery(mail, &address), &about)));
        }
        match outcome {
            Outcome::Delivered => {}
            Outcome::Bounced | Outcome::Suppressed | Outcome::OutOfOffice => {
                events.push((MailEvent::Bounce, event("Bounce", bounce(mail, &address, outcome), &about)));
            }
            Outcome::Complained => {
                events.push((MailEvent::Complaint, event("Complaint", complaint(mail, &address), &about)));
            }
        }
    }
    events
}

fn event(kind: &str, details: Value, mail: &Value) -> String {
    let mut event = json!({"eventType": kind, "mail": mail});
    if let Some(fields) = event.as_object_mut() {
        fields.insert(kind.to_ascii_lowercase(), details);
    }
    event.to_string()
}

fn delivery(mail: &CapturedMail, address: &str) -> Value {
    json!({
        "timestamp": time(mail),
        "processingTimeMillis": 1,
        "recipients": [address],
        "smtpResponse": "250 2.6.0 Message received",
        "remoteMtaIp": "127.0.0.1",
        "reportingMTA": REPORTING_MTA,
    })
}

fn bounce(mail: &CapturedMail, address: &str, outcome: Outcome) -> Value {
    let failed = |diagnosis: &str| json!({"emailAddress": address, "action": "failed", "status": "5.1.1", "diagnosticCode": diagnosis});
    let (kind, sub_kind, recipient, mta) = match outcome {
        Outcome::OutOfOffice => ("Transient", "General", json!({"emailAddress": address}), None),
        Outcome::Suppressed => ("Permanent", "Suppressed", failed(SUPPRESSED), Some("dns; amazonses.com".to_owned())),
        _ => {
            let mta = format!("dns; {REPORTING_MTA}");
            ("Permanent", "General", failed("smtp; 550 5.1.1 user unknown"), Some(mta))
        }
    };
    let mut bounce = json!({
        "bounceType": kind,
        "bounceSubType": sub_kind,
        "bouncedRecipients": [recipient],
        "timestamp": time(mail),
        "feedbackId": identifiers::mail(mail.time),
    });
    if let (Some(mta), Some(fields)) = (mta, bounce.as_object_mut()) {
        fields.insert("reportingMTA".to_owned(), mta.into());
    }
    bounce
}

fn complaint(mail: &CapturedMail, address: &str) -> Value {
    json!({
        "complainedRecipients": [{"emailAddress": address}],
        "timestamp": time(mail),
        "feedbackId": identifiers::mail(mail.time),
        "complaintSubType": null,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": time(mail),
    })
}

/// The `mail` object, the same in all events. Header fields are decoded, where SES would show encoded words.
fn about(mail: &CapturedMail, recipients: &[Address], identity: &EmailIdentity) -> Value {
    let mut common = json!({
        "from": [mail.from],
        "to": mail.to,
        "messageId": mail.id,
        "subject": mail.subject,
    });
    if let Some(fields) = common.as_object_mut() {
        for (name, values) in [("cc", &mail.cc), ("replyTo", &mail.reply_to)] {
            if !values.is_empty() {
                fields.insert(name.to_owned(), json!(values));
            }
        }
    }
    let mut tags: BTreeMap<&str, [&str; 1]> =
        mail.tags.iter().map(|(name, value)| (name.as_str(), [value.as_str()])).collect();
    tags.insert("ses:operation", ["SendEmail"]);
    tags.insert("ses:caller-identity", ["local"]);
    tags.insert("ses:source-ip", ["127.0.0.1"]);
    tags.insert("ses:configuration-set", [mail.configuration_set.as_deref().unwrap_or_default()]);
    let sender = mail.from.rsplit_once('@').map_or("", |(_, domain)| domain.trim_end_matches('>'));
    tags.insert("ses:from-domain", [sender]);
    json!({
        "timestamp": time(mail),
        "source": mail.from,
        "sourceArn": identity.arn(),
        "sendingAccountId": ACCOUNT,
        "messageId": mail.id,
        "destination": recipients.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "headersTruncated": false,
        "headers": mail.headers,
        "commonHeaders": common,
        "tags": tags,
    })
}

fn time(mail: &CapturedMail) -> String {
    format!("{:.3}", mail.time)
}
