use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use peregrine_core::email::{Email, EmailError, SmtpError};

/// Most bytes of text in an encoded word, which has at most 75 characters (RFC 2047, section 2): 60 of Base64, and
/// 12 around them.
const MAX_ENCODED: usize = 45;

/// Who a mail is from: an address, and perhaps a name (a mailbox of RFC 5322, section 3.4). Shown as a header field
/// wants it, in ASCII.
///
/// The empty one stands in for a setting that is missing, with which the function does not start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mailbox {
    name: Option<String>,
    /// In ASCII.
    address: String,
}

/// Why a text is no mailbox.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailboxError {
    /// Something is wrong with the address.
    #[error(transparent)]
    Address(#[from] EmailError),
    /// No mail server takes it.
    #[error(transparent)]
    Smtp(#[from] SmtpError),
    /// A control character could end the header field.
    #[error("the name has a control character")]
    Name,
}

impl Mailbox {
    /// What the sender is called: the name, or the domain of the address.
    pub fn display_name(&self) -> &str {
        let domain = self.address.rsplit_once('@').map(|(_, domain)| domain);
        self.name.as_deref().or(domain).unwrap_or_default()
    }
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    /// Reads `ann@example.com`, `Ann <ann@example.com>` and `"Ann" <ann@example.com>`.
    fn from_str(text: &str) -> Result<Self, MailboxError> {
        let text = text.trim();
        let named = text.strip_suffix('>').and_then(|text| text.rsplit_once('<'));
        let (name, address) = named.unwrap_or(("", text));
        let name = name.trim();
        let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        let name = quoted.map_or_else(|| name.to_owned(), unescaped);
        if name.contains(char::is_control) {
            return Err(MailboxError::Name);
        }
        let address = Email::parse(address)?.for_smtp()?;
        Ok(Self { name: Some(name).filter(|name| !name.is_empty()), address })
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = &self.name else { return formatter.write_str(&self.address) };
        if name.is_ascii() {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            write!(formatter, "\"{quoted}\"")?;
        } else {
            for (index, word) in words(name).into_iter().enumerate() {
                let space = if index == 0 { "" } else { " " };
                write!(formatter, "{space}=?UTF-8?B?{}?=", STANDARD.encode(word))?;
            }
        }
        write!(formatter, " <{}>", self.address)
    }
}

/// What stands between quotes, without the backslashes before single characters (RFC 5322, section 3.2.4).
fn unescaped(quoted: &str) -> String {
    let mut characters = quoted.chars();
    let next = || match characters.next() {
        Some('\\') => characters.next(),
        other => other,
    };
    std::iter::from_fn(next).collect()
}

/// The text in pieces that each fit into an encoded word; no character may be divided (RFC 2047, section 5).
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + character.len_utf8() <= MAX_ENCODED => word.push(character),
            _ => words.push(character.to_string()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> String {
        text.parse::<Mailbox>().unwrap().to_string()
    }

    #[test]
    fn a_sender_is_written_in_ascii() {
        assert_eq!(header("no-reply@example.com"), "no-reply@example.com");
        assert_eq!(header("Peregrine <no-reply@Example.com>"), "\"Peregrine\" <no-reply@example.com>");
        assert_eq!(header("\"Bob \\\"B\\\", Inc.\" <bob@example.com>"), "\"Bob \\\"B\\\", Inc.\" <bob@example.com>");
        assert_eq!(header("Büro <b@example.com>"), "=?UTF-8?B?QsO8cm8=?= <b@example.com>");
        assert_eq!(header("<b@bücher.example>"), "b@xn--bcher-kva.example");
    }

    #[test]
    fn a_long_name_is_divided_between_characters() {
        let header = header(&format!("{} <b@example.com>", "日本".repeat(20)));
        let encoded = header.strip_suffix(" <b@example.com>").unwrap();
        let decoded = encoded.split(' ').map(|word| {
            assert!(word.len() <= 75, "{word}");
            let word = word.strip_prefix("=?UTF-8?B?").unwrap().strip_suffix("?=").unwrap();
            String::from_utf8(STANDARD.decode(word).unwrap()).unwrap()
        });
        assert_eq!(decoded.collect::<String>(), "日本".repeat(20));
    }

    #[test]
    fn a_sender_without_a_name_is_called_by_the_domain() {
        assert_eq!("no-reply@example.com".parse::<Mailbox>().unwrap().display_name(), "example.com");
        assert_eq!("Bob <bob@example.com>".parse::<Mailbox>().unwrap().display_name(), "Bob");
    }

    #[test]
    fn what_no_mail_can_come_from_is_refused_with_a_reason() {
        let reason = |text: &str| text.parse::<Mailbox>().unwrap_err().to_string();
        assert_eq!(reason("Bob"), "An email address must have an @-sign.");
        assert!(reason("Büro <büro@example.com>").contains("before the @-sign"));
        assert_eq!(reason("Bob\r\nBcc: <bob@example.com>"), "the name has a control character");
    }
}
