//! Messages: what may be sent, and the digests that clients compare.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::error::SqsError;

/// How many attributes a message may have.
const MAX_ATTRIBUTES: usize = 10;

/// A message as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) md5_of_body: String,
    pub(crate) attributes: Attributes,
    pub(crate) md5_of_attributes: Option<String>,
    /// `AWSTraceHeader`, the one system attribute that a sender may set.
    pub(crate) trace: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) sent: Timestamp,
    /// The same time, for its age.
    pub(crate) sent_at: Instant,
    /// The queue that it failed in, if it was moved to one for dead letters.
    pub(crate) source_arn: Option<String>,
}

/// Message attributes by name.
pub(crate) type Attributes = BTreeMap<String, AttributeValue>;

/// The value of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeValue {
    pub(crate) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    /// In Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

impl AttributeValue {
    /// Its bytes, and how digests mark their kind.
    fn content(&self, name: &str) -> Result<(u8, Vec<u8>), SqsError> {
        let fault = |what: &str| SqsError::parameter(format!("The message attribute '{name}' {what}."));
        let kind = self.data_type.split('.').next().unwrap_or_default();
        let (mark, bytes) = match kind {
            "String" | "Number" => (1, self.string_value.clone().unwrap_or_default().into_bytes()),
            "Binary" => {
                let text = self.binary_value.as_deref().unwrap_or_default();
                (2, STANDARD.decode(text).map_err(|_| fault("must have a valid Base64 value"))?)
            }
            _ => {
                return Err(fault(
                    "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String",
                ));
            }
        };
        if bytes.is_empty() {
            return Err(fault("must contain a non-empty message attribute value"));
        }
        Ok((mark, bytes))
    }
}

/// How many bytes of a message count against SQS's limits: its body, and the name, type and value of every attribute, a
/// binary value by its bytes. What is no value, and is refused when it is sent, counts nothing.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub(super) fn size(body: &str, attributes: &Attributes) -> usize {
    let attributes = attributes.iter().map(|(name, value)| {
        let content = value.content(name).map_or(0, |(_, bytes)| bytes.len());
        name.len() + value.data_type.len() + content
    });
    body.len() + attributes.sum::<usize>()
}

/// The digest of attributes, if there are any.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation>
pub(super) fn digest_of_attributes(attributes: &Attributes) -> Result<Option<String>, SqsError> {
    if attributes.len() > MAX_ATTRIBUTES {
        let message = format!("Number of message attributes [{}] exceeds the allowed maximum [10].", attributes.len());
        return Err(SqsError::parameter(message));
    }
    let mut encoded = Vec::new();
    for (name, value) in attributes {
        check_name(name)?;
        let (mark, bytes) = value.content(name)?;
        for part in [name.as_bytes(), value.data_type.as_bytes()] {
            push(&mut encoded, part);
        }
        encoded.push(mark);
        push(&mut encoded, &bytes);
    }
    Ok((!attributes.is_empty()).then(|| digest(&encoded)))
}

fn push(encoded: &mut Vec<u8>, part: &[u8]) {
    encoded.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    encoded.extend(part);
}

fn check_name(name: &str) -> Result<(), SqsError> {
    let lower = name.to_ascii_lowercase();
    let reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let characters = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if name.is_empty() || name.len() > 256 || reserved || dots || !characters {
        return Err(SqsError::parameter(format!("The message attribute name '{name}' is invalid.")));
    }
    Ok(())
}

/// MD5 in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Md5::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Checks that `body` has only characters that SQS accepts.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub(super) fn check_body(body: &str) -> Result<(), SqsError> {
    if body.is_empty() {
        return Err(SqsError::missing("MessageBody"));
    }
    let allowed =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if body.chars().all(allowed) {
        return Ok(());
    }
    Err(SqsError::new(
        "InvalidMessageContents",
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(data_type: &str, string: Option<&str>, binary: Option<&str>) -> AttributeValue {
        AttributeValue {
            data_type: data_type.to_owned(),
            string_value: string.map(str::to_owned),
            binary_value: binary.map(str::to_owned),
        }
    }

    #[test]
    fn digests_are_those_that_clients_compute() {
        assert_eq!(digest(b"hello"), "5d41402abc4b2a76b9719d911017c592");
        // Computed with botocore's algorithm.
        let attributes = Attributes::from([
            ("kind".to_owned(), value("String", Some("email"), None)),
            ("n".to_owned(), value("Number.int", Some("7"), None)),
            ("raw".to_owned(), value("Binary", None, Some("AAEC"))),
        ]);
        assert_eq!(digest_of_attributes(&attributes).unwrap().as_deref(), Some("a09f5a1e5c017b16a96a904a14100588"));
        assert_eq!(digest_of_attributes(&Attributes::new()).unwrap(), None);
        let size_of_attributes = "kindStringemail".len() + "nNumber.int7".len() + "rawBinary".len() + 3;
        assert_eq!(size("hello", &attributes), "hello".len() + size_of_attributes);
    }

    #[test]
    fn attributes_that_sqs_refuses_are_refused() {
        for (name, value) in [
            ("a b", value("String", Some("x"), None)),
            ("AWS.a", value("String", Some("x"), None)),
            (".a", value("String", Some("x"), None)),
            ("a", value("String", Some(""), None)),
            ("a", value("String", None, Some("AAEC"))),
            ("a", value("Binary", None, Some("?"))),
            ("a", value("Boolean", Some("true"), None)),
        ] {
            let attributes = Attributes::from([(name.to_owned(), value)]);
            assert_eq!(digest_of_attributes(&attributes).unwrap_err().code, "InvalidParameterValue", "{attributes:?}");
        }
        let many = (0..11).map(|n| (n.to_string(), value("String", Some("x"), None))).collect();
        assert!(digest_of_attributes(&many).is_err());
    }

    #[test]
    fn bodies_have_characters_that_xml_could_carry() {
        assert!(check_body("{\"a\":\t\"ü😀\"}\n").is_ok());
        assert_eq!(check_body("").unwrap_err().code, "MissingParameter");
        for body in ["\u{0}", "a\u{8}", "\u{FFFE}", "\u{1b}"] {
            assert_eq!(check_body(body).unwrap_err().code, "InvalidMessageContents", "{body:?}");
        }
    }
}
