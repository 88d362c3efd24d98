//! What SES writes at the head of a message.

use crate::mail::{CapturedMail, MailHeader};

/// The header fields of a simple message, without those that the request adds.
pub(super) fn simple(mail: &CapturedMail) -> Vec<MailHeader> {
    let content_type = match (&mail.text, &mail.html, mail.attachments.is_empty()) {
        (_, _, false) => "multipart/mixed",
        (Some(_), Some(_), true) => "multipart/alternative",
        (None, Some(_), true) => "text/html; charset=UTF-8",
        _ => "text/plain; charset=UTF-8",
    };
    let mut headers = vec![field("From", mail.from.clone())];
    for (name, list) in [("To", &mail.to), ("Cc", &mail.cc), ("Reply-To", &mail.reply_to)] {
        if !list.is_empty() {
            headers.push(field(name, list.join(", ")));
        }
    }
    headers.push(field("Subject", mail.subject.clone()));
    headers.extend(stamps(mail));
    headers.push(field("MIME-Version", "1.0".to_owned()));
    headers.push(field("Content-Type", content_type.to_owned()));
    headers
}

/// The header fields of a raw message, in which SES replaces those that say when it took the mail, and under which
/// name.
pub(super) fn raw(mail: &CapturedMail) -> Vec<MailHeader> {
    let stamps = stamps(mail);
    let replaced = |name: &str| stamps.iter().any(|stamp| stamp.name.eq_ignore_ascii_case(name));
    let kept: Vec<MailHeader> = mail.headers.iter().filter(|header| !replaced(&header.name)).cloned().collect();
    kept.into_iter().chain(stamps).collect()
}

fn stamps(mail: &CapturedMail) -> [MailHeader; 2] {
    let date = mail.time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    [field("Date", date), field("Message-ID", format!("<{}@email.amazonses.com>", mail.id))]
}

fn field(name: &str, value: String) -> MailHeader {
    MailHeader { name: name.to_owned(), value }
}
