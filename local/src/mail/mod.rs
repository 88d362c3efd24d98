//! Mail that was sent: kept for people and tests to look at, delivered to nobody.

mod pages;
mod previews;
mod response;
mod web;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;
use tokio::sync::watch;

pub(crate) use web::answer;

/// How many mails are kept. The oldest go first.
const KEPT_MAILS: usize = 10_000;

/// How many bytes the mails that are kept may have together. The last one is kept whatever its size, which is at most
/// the 40 MB that SES takes.
const KEPT_BYTES: usize = 128 * 1024 * 1024;

/// A mail that SES accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapturedMail {
    /// The message id that SES answered with.
    pub id: String,
    /// When it was accepted.
    pub time: Timestamp,
    /// The sender, perhaps with a display name.
    pub from: String,
    /// The recipients that everybody sees.
    pub to: Vec<String>,
    /// Who gets a copy.
    pub cc: Vec<String>,
    /// Who gets a copy without the others' knowledge.
    pub bcc: Vec<String>,
    /// Where answers go, if not to the sender.
    pub reply_to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The plain text, as recipients read it in the charset that was asked for.
    pub text: Option<String>,
    /// The HTML, likewise.
    pub html: Option<String>,
    /// All header fields that recipients get, decoded, in their order.
    pub headers: Vec<MailHeader>,
    /// What is attached.
    pub attachments: Vec<MailAttachment>,
    /// The configuration set that it was sent with.
    pub configuration_set: Option<String>,
    /// The message tags that it was sent with.
    pub tags: BTreeMap<String, String>,
}

/// A header field of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailHeader {
    /// Its name, as it was sent.
    pub name: String,
    /// Its value, decoded and unfolded.
    pub value: String,
}

/// A file in a mail. Its content is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailAttachment {
    /// The file's name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub size: usize,
}

impl CapturedMail {
    /// The value of the first header field with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
    }

    /// Whether the mail goes to `address`, with or without a display name, in any case.
    pub fn is_for(&self, address: &str) -> bool {
        self.recipients().any(|recipient| bare(recipient).eq_ignore_ascii_case(bare(address)))
    }

    /// Everybody who gets it.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        [&self.to, &self.cc, &self.bcc].into_iter().flatten().map(String::as_str)
    }

    /// About how much memory it takes.
    fn size(&self) -> usize {
        let headers = self.headers.iter().map(|header| header.name.len() + header.value.len());
        let parts = [&self.text, &self.html].into_iter().flatten().map(String::len);
        headers.sum::<usize>()
            + parts.sum::<usize>()
            + self.subject.len()
            + self.recipients().map(str::len).sum::<usize>()
    }
}

/// The address in `mailbox`, without the display name.
fn bare(mailbox: &str) -> &str {
    mailbox.rsplit_once('<').map_or(mailbox, |(_, address)| address.trim_end_matches('>')).trim()
}

/// The mails that were sent, the last 10,000 of them at most. Clones show the same.
#[derive(Debug, Clone)]
pub struct Mailbox {
    mails: Arc<Mutex<Kept>>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    mails: VecDeque<Arc<CapturedMail>>,
    bytes: usize,
}

/// Less mail came than was waited for.
#[derive(Debug, Clone, Error)]
#[error("{came} of {expected} mails came within {} s", waited.as_secs_f32())]
pub struct TooFewMails {
    /// How many there are.
    pub came: usize,
    /// How many there should be.
    pub expected: usize,
    /// How long was waited.
    pub waited: Duration,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self { mails: Arc::default(), changed: watch::Sender::new(()) }
    }

    /// The mails in the order in which they were accepted.
    pub fn all(&self) -> Vec<CapturedMail> {
        self.kept().mails.iter().map(|mail| CapturedMail::clone(mail)).collect()
    }

    /// Waits until there are at least `count` mails, at most for `timeout`, and gives all that there are.
    pub async fn wait_for(&self, count: usize, timeout: Duration) -> Result<Vec<CapturedMail>, TooFewMails> {
        let mut changed = self.changed.subscribe();
        let enough = async {
            while self.kept().mails.len() < count {
                // Fails only without a sender, and this mailbox is one.
                let _ = changed.changed().await;
            }
        };
        match tokio::time::timeout(timeout, enough).await {
            Ok(()) => Ok(self.all()),
            Err(_) => Err(TooFewMails { came: self.kept().mails.len(), expected: count, waited: timeout }),
        }
    }

    /// Forgets all mails.
    pub fn clear(&self) {
        *self.kept() = Kept::default();
        self.changed.send_replace(());
    }

    pub(crate) fn add(&self, mail: CapturedMail) {
        let mut kept = self.kept();
        kept.bytes += mail.size();
        kept.mails.push_back(Arc::new(mail));
        while kept.mails.len() > KEPT_MAILS || (kept.bytes > KEPT_BYTES && kept.mails.len() > 1) {
            let Some(oldest) = kept.mails.pop_front() else { break };
            kept.bytes -= oldest.size();
        }
        drop(kept);
        self.changed.send_replace(());
    }

    /// The same mails without copying them, the oldest first.
    fn shared(&self) -> Vec<Arc<CapturedMail>> {
        self.kept().mails.iter().cloned().collect()
    }

    fn find(&self, id: &str) -> Option<Arc<CapturedMail>> {
        self.kept().mails.iter().find(|mail| mail.id == id).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn mail(id: &str, to: &str) -> CapturedMail {
        CapturedMail {
            id: id.to_owned(),
            time: Timestamp::UNIX_EPOCH,
            from: "Peregrine <api@example.com>".to_owned(),
            to: vec![to.to_owned()],
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: Vec::new(),
            subject: "Hello <you>".to_owned(),
            text: Some("See https://example.com/a?b=1&c=2.".to_owned()),
            html: Some("<p>Hello</p><script>alert(1)</script>".to_owned()),
            headers: vec![MailHeader { name: "Subject".to_owned(), value: "Hello <you>".to_owned() }],
            attachments: Vec::new(),
            configuration_set: None,
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn the_oldest_mails_make_room() {
        let mailbox = Mailbox::new();
        for number in 0..KEPT_MAILS + 2 {
            mailbox.add(mail(&number.to_string(), "ann@example.com"));
        }
        let kept = mailbox.shared();
        assert_eq!((kept.len(), kept[0].id.as_str()), (KEPT_MAILS, "2"));
    }

    #[test]
    fn large_mails_make_room_sooner() {
        let mailbox = Mailbox::new();
        let large = "x".repeat(KEPT_BYTES / 2);
        for id in ["1", "2", "3"] {
            mailbox.add(CapturedMail { text: Some(large.clone()), ..mail(id, "ann@example.com") });
        }
        let kept: Vec<String> = mailbox.shared().iter().map(|mail| mail.id.clone()).collect();
        assert_eq!(kept, ["3"], "two of them exceed the limit by their other parts");
        mailbox.add(CapturedMail { text: Some("x".repeat(KEPT_BYTES + 1)), ..mail("4", "ann@example.com") });
        assert_eq!(mailbox.shared().len(), 1, "the last one stays whatever its size");
    }

    #[tokio::test]
    async fn mail_can_be_waited_for() {
        let mailbox = Mailbox::new();
        mailbox.add(mail("1", "ann@example.com"));
        let waiting = tokio::spawn({
            let mailbox = mailbox.clone();
            async move { mailbox.wait_for(2, Duration::from_mins(1)).await }
        });
        mailbox.add(mail("2", "bob@example.com"));
        let mails = waiting.await.unwrap().unwrap();
        assert_eq!(mails.iter().map(|mail| mail.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);

        let error = mailbox.wait_for(3, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.to_string(), "2 of 3 mails came within 0 s");
        mailbox.clear();
        assert_eq!(mailbox.all(), []);
    }

    #[test]
    fn recipients_are_found_without_their_display_names() {
        let mail = CapturedMail { bcc: vec!["Bob <Bob@example.com>".to_owned()], ..mail("1", "ann@example.com") };
        assert!(mail.is_for("bob@example.com") && mail.is_for("Ann <ANN@example.com>"));
        assert!(!mail.is_for("example.com"));
    }
}
