//! The mailbox simulator: addresses that stand for what can become of a mail.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator>

use super::address::Address;

const DOMAIN: &str = "simulator.amazonses.com";

/// What becomes of a mail at one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Delivered,
    /// The mailbox does not exist.
    Bounced,
    /// SES knows from others that the mailbox does not exist, and does not try.
    Suppressed,
    /// Delivered, and the recipient is away.
    OutOfOffice,
    /// Delivered, and the recipient calls it spam.
    Complained,
}

impl Outcome {
    /// Mail to anybody but the simulator arrives.
    pub(super) fn of(recipient: &Address) -> Self {
        if !recipient.domain.eq_ignore_ascii_case(DOMAIN) {
            return Self::Delivered;
        }
        match recipient.without_label().to_ascii_lowercase().as_str() {
            "success" => Self::Delivered,
            "bounce" => Self::Bounced,
            "ooto" => Self::OutOfOffice,
            "complaint" => Self::Complained,
            // The simulator suppresses whatever it does not know, too.
            _ => Self::Suppressed,
        }
    }

    pub(super) fn is_delivered(self) -> bool {
        !matches!(self, Self::Bounced | Self::Suppressed)
    }
}
