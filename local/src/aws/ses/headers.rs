//! The header fields that SES takes.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/header-fields.html>
//! <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html>

use super::request::{Pair, Refusal};
use crate::mail::MailHeader;

const COUNT_LIMIT: usize = 15;
const NAME_LIMIT: usize = 126;
const VALUE_LIMIT: usize = 995;
const BOTH_LIMIT: usize = 996;

/// What SES sets itself in a simple message.
const OWN: &[&str] = &[
    "BCC",
    "CC",
    "Content-Disposition",
    "Content-Type",
    "Date",
    "From",
    "Message-ID",
    "MIME-Version",
    "Reply-To",
    "Return-Path",
    "Subject",
    "To",
];

/// What may not appear twice.
const ONCE: &[&str] = &[
    "Accept-Language",
    "acceptLanguage",
    "Archived-At",
    "Auto-Submitted",
    "Bounces-to",
    "Comments",
    "Content-Alternative",
    "Content-Base",
    "Content-Class",
    "Content-Description",
    "Content-Disposition",
    "Content-Duration",
    "Content-ID",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-MD5",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "Delivered-To",
    "Disposition-Notification-Options",
    "Disposition-Notification-To",
    "DKIM-Signature",
    "DomainKey-Signature",
    "Errors-To",
    "From",
    "Importance",
    "In-Reply-To",
    "Keywords",
    "List-Archive",
    "List-Help",
    "List-Id",
    "List-Owner",
    "List-Post",
    "List-Subscribe",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Message-Context",
    "Message-ID",
    "MIME-Version",
    "Organization",
    "Original-From",
    "Original-Message-ID",
    "Original-Recipient",
    "Original-Subject",
    "Precedence",
    "Priority",
    "References",
    "Reply-To",
    "Return-Path",
    "Return-Receipt-To",
    "Sender",
    "Sensitivity",
    "Solicitation",
    "Subject",
    "Thread-Index",
    "Thread-Topic",
    "User-Agent",
    "VBR-Info",
];

/// The header fields that a simple message adds.
pub(super) fn custom(headers: Vec<Pair>) -> Result<Vec<MailHeader>, Refusal> {
    if headers.len() > COUNT_LIMIT {
        return Err(Refusal::bad_request(format!("A message can have at most {COUNT_LIMIT} custom headers.")));
    }
    for Pair { name, value } in &headers {
        let name_fits = (1..=NAME_LIMIT).contains(&name.len());
        if !name_fits || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(Refusal::bad_request("Invalid header name."));
        }
        let value_fits = (1..=VALUE_LIMIT).contains(&value.len()) && name.len() + value.len() <= BOTH_LIMIT;
        if !value_fits || !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(Refusal::bad_request(format!("Invalid value of the header '{name}'.")));
        }
        if OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            return Err(Refusal::bad_request(format!("Custom header '{name}' is not allowed.")));
        }
    }
    let headers: Vec<_> = headers.into_iter().map(|Pair { name, value }| MailHeader { name, value }).collect();
    check_repeats(&headers)?;
    Ok(headers)
}

/// Refuses what appears twice and may not.
pub(super) fn check_repeats(headers: &[MailHeader]) -> Result<(), Refusal> {
    let repeated =
        ONCE.iter().find(|name| headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).count() > 1);
    match repeated {
        Some(name) => Err(Refusal::bad_request(format!("Duplicate header '{name}'."))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(headers: &[(&str, &str)]) -> Option<String> {
        let pair = |(name, value): &(&str, &str)| Pair { name: (*name).to_owned(), value: (*value).to_owned() };
        custom(headers.iter().map(pair).collect()).err().map(|refusal| refusal.message)
    }

    #[test]
    fn headers_of_ones_own_are_taken() {
        let headers = [("List-Unsubscribe", "<https://example.com/u>"), ("X-Job", "1"), ("X-Job", "2")];
        assert_eq!(refusal(&headers), None);
    }

    #[test]
    fn what_would_break_the_message_is_refused() {
        let long = "x".repeat(995);
        for (name, value) in [
            ("X Job", "1"),
            ("X-Job:", "1"),
            ("X-Job\r\nBcc", "1"),
            ("", "1"),
            ("X-Jöb", "1"),
            ("X-Job", "1\r\nBcc: eve@example.com"),
            ("X-Job", "1\n"),
            ("X-Job", ""),
            ("X-Job", "ö"),
            ("X-Job", long.as_str()),
        ] {
            assert!(refusal(&[(name, value)]).is_some_and(|message| message.starts_with("Invalid")), "{name}: {value}");
        }
    }

    #[test]
    fn what_ses_sets_itself_is_refused() {
        assert_eq!(refusal(&[("bcc", "eve@example.com")]).unwrap(), "Custom header 'bcc' is not allowed.");
        assert_eq!(refusal(&[("List-Id", "a"), ("list-id", "b")]).unwrap(), "Duplicate header 'List-Id'.");
        assert!(refusal(&[("X-Job", "1"); 16]).unwrap().contains("at most 15"));
    }
}
