//! Addresses that get no mail, or less, and why.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::mail::Content;

/// Why an address gets no mail. The weaker come first: a stronger reason takes the place of a weaker one, never the
/// other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "bounce")]
pub enum Reason {
    /// Whoever has the address wants no messages. Mail that they ask for themselves still reaches them.
    Unsubscribed,
    /// Mail to the address came back for good.
    Bounce,
    /// Whoever has the address called a mail spam.
    Complaint,
}

/// An entry of the list of addresses that get no mail. Whose it is, the list is asked for, so that is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Why.
    pub reason: Reason,
    /// When it was put on the list for this reason.
    pub since: Timestamp,
    /// More about why, one line without addresses: for a bounce its kind and status code.
    pub detail: Option<String>,
}

impl Reason {
    /// All reasons, the weaker first.
    pub const ALL: [Self; 3] = [Self::Unsubscribed, Self::Bounce, Self::Complaint];

    /// The name, in answers and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribed => "unsubscribed",
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
        }
    }

    /// The reasons whose place this one takes.
    pub fn weaker(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |other| *other < self)
    }
}

impl Suppression {
    /// Whether mail with this content must not be sent.
    ///
    /// Whoever has unsubscribed still gets what belongs to their own account, because they asked for it by signing up.
    /// Where mail bounces or is called spam nothing is sent any more: providers judge a sender by that.
    pub fn forbids(&self, content: &Content) -> bool {
        match self.reason {
            Reason::Bounce | Reason::Complaint => true,
            Reason::Unsubscribed => !content.is_about_account(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use uuid::Uuid;

    use super::*;
    use crate::mail::Notice;

    #[test]
    fn whoever_has_unsubscribed_gets_mail_about_their_account_only() {
        let welcome = Content::Welcome { user_id: Uuid::nil(), username: "ann".to_owned() };
        let notification = Content::Notification { subject: "Hello".to_owned(), message: "Ann".to_owned() };
        let reset = Content::PasswordReset { asked_from: Ipv4Addr::LOCALHOST.into() };
        let notice = Content::Notice { what: Notice::PasswordReset };
        let all = [welcome, Content::VerifyEmail { user_id: Uuid::nil() }, reset, notice, notification];
        for (reason, expected) in [
            (Reason::Unsubscribed, [false, false, false, false, true]),
            (Reason::Bounce, [true; 5]),
            (Reason::Complaint, [true; 5]),
        ] {
            let suppression = Suppression { reason, since: Timestamp::UNIX_EPOCH, detail: None };
            assert_eq!(all.each_ref().map(|content| suppression.forbids(content)), expected, "{reason:?}");
        }
    }

    #[test]
    fn a_reason_is_called_the_same_everywhere() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
