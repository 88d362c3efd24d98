//! What SES tells about a mail, as far as it says something about an address.
//!
//! There are two shapes of the same: that of event publishing (`eventType`), which a configuration set sends, and that
//! of an identity's own feedback notifications (`notificationType`).

use peregrine_core::suppression::Reason;
use serde::Deserialize;
use serde_json::error::Category;

/// Longest word of a detail, in characters. Those of SES are shorter.
const MAX_WORD_LENGTH: usize = 40;

/// Addresses that get no mail from now on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Why.
    pub(crate) reason: Reason,
    /// Which, as SES writes them, and what is known about each.
    pub(crate) recipients: Vec<(String, Option<String>)>,
}

/// A text is no notification. It does not say what the text is, because addresses are in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is no notification of SES: {0}")]
pub(crate) struct Malformed(&'static str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(alias = "notificationType")]
    event_type: String,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    #[serde(rename = "bounceType")]
    permanence: String,
    #[serde(rename = "bounceSubType")]
    kind: Option<String>,
    bounced_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complaint_feedback_type: Option<String>,
    complained_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
    status: Option<String>,
}

/// What the text of a notification says about addresses; nothing if mail can still be sent to all of them.
///
/// # Errors
/// See [`Malformed`].
pub(crate) fn read(text: &str) -> Result<Option<Finding>, Malformed> {
    let notification: Notification = serde_json::from_str(text).map_err(|error| {
        Malformed(match error.classify() {
            Category::Io | Category::Syntax | Category::Eof => "it is no JSON",
            Category::Data => "it lacks a field, or one has another type",
        })
    })?;
    match notification.event_type.as_str() {
        "Bounce" => Ok(of_bounce(notification.bounce.ok_or(Malformed("a bounce says nothing"))?)),
        "Complaint" => Ok(of_complaint(notification.complaint.ok_or(Malformed("a complaint says nothing"))?)),
        // Sent, delivered, opened and so on.
        _ => Ok(None),
    }
}

/// Only a permanent bounce says that an address is none. The others come from full mailboxes and the like.
fn of_bounce(bounce: Bounce) -> Option<Finding> {
    (bounce.permanence == "Permanent").then(|| {
        let detailed = bounce.bounced_recipients.into_iter().map(|recipient| {
            let detail = detail([bounce.kind.as_deref(), recipient.status.as_deref()]);
            (recipient.email_address, detail)
        });
        Finding { reason: Reason::Bounce, recipients: detailed.collect() }
    })
}

/// All complaints count but the one that takes another back (RFC 6430).
fn of_complaint(complaint: Complaint) -> Option<Finding> {
    let kind = complaint.complaint_feedback_type;
    (kind.as_deref() != Some("not-spam")).then(|| {
        let detail = detail([kind.as_deref(), None]);
        let detailed =
            complaint.complained_recipients.into_iter().map(|recipient| (recipient.email_address, detail.clone()));
        Finding { reason: Reason::Complaint, recipients: detailed.collect() }
    })
}

/// The words in one line. Some come from foreign servers, whose explanations like to quote the address; what is not a
/// plain word is left out, and so is the diagnostic text.
fn detail<const N: usize>(words: [Option<&str>; N]) -> Option<String> {
    let is_plain = |word: &&str| {
        let is_short = (1..=MAX_WORD_LENGTH).contains(&word.len());
        is_short && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    };
    let plain: Vec<_> = words.into_iter().flatten().filter(is_plain).collect();
    (!plain.is_empty()).then(|| plain.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bounce(of_type: &str, status: &str) -> String {
        let recipient =
            json!({"emailAddress": "ann@example.com", "status": status, "diagnosticCode": "<ann@example.com>"});
        json!({"eventType": "Bounce", "bounce": {
            "bounceType": of_type, "bounceSubType": "General", "bouncedRecipients": [recipient],
        }})
        .to_string()
    }

    fn complaint(feedback_type: Option<&str>) -> String {
        json!({"eventType": "Complaint", "complaint": {
            "complaintFeedbackType": feedback_type, "complainedRecipients": [{"emailAddress": "ann@example.com"}],
        }})
        .to_string()
    }

    fn found(reason: Reason, detail: Option<&str>) -> Finding {
        let recipients = vec![("ann@example.com".to_owned(), detail.map(ToOwned::to_owned))];
        Finding { reason, recipients }
    }

    #[test]
    fn permanent_bounces_and_complaints_are_found() {
        assert_eq!(read(&bounce("Permanent", "5.1.1")), Ok(Some(found(Reason::Bounce, Some("General 5.1.1")))));
        assert_eq!(read(&complaint(Some("abuse"))), Ok(Some(found(Reason::Complaint, Some("abuse")))));
        assert_eq!(read(&complaint(None)), Ok(Some(found(Reason::Complaint, None))));
    }

    #[test]
    fn both_shapes_of_notifications_are_read() {
        let classic = bounce("Permanent", "5.1.1").replace("eventType", "notificationType");
        assert_eq!(read(&classic), Ok(Some(found(Reason::Bounce, Some("General 5.1.1")))));
    }

    #[test]
    fn what_says_nothing_against_an_address_is_passed_over() {
        for text in [
            bounce("Transient", "4.4.7"),
            bounce("Undetermined", "5.0.0"),
            complaint(Some("not-spam")),
            json!({"eventType": "Delivery", "delivery": {"recipients": ["ann@example.com"]}}).to_string(),
        ] {
            assert_eq!(read(&text), Ok(None), "{text}");
        }
    }

    #[test]
    fn a_detail_quotes_no_foreign_server() {
        for status in ["<ann@example.com> is unknown", "5.1.1\nann", "", &"5".repeat(41)] {
            assert_eq!(
                read(&bounce("Permanent", status)),
                Ok(Some(found(Reason::Bounce, Some("General")))),
                "{status}"
            );
        }
    }

    #[test]
    fn why_a_text_is_malformed_is_told_without_what_is_in_it() {
        for (text, reason) in [
            ("Successfully validated SNS topic for Amazon SES event publishing.", "it is no JSON"),
            ("{\"eventType\": \"Bounce\"", "it is no JSON"),
            ("\"ann@example.com\"", "it lacks a field, or one has another type"),
            (
                "{\"eventType\": \"Bounce\", \"bounce\": \"ann@example.com\"}",
                "it lacks a field, or one has another type",
            ),
            ("{\"eventType\": \"Bounce\"}", "a bounce says nothing"),
            ("{\"eventType\": \"Complaint\"}", "a complaint says nothing"),
        ] {
            assert_eq!(read(text), Err(Malformed(reason)), "{text}");
        }
    }
}
