//! How often somebody may do something: policies, their quotas, and who is counted.
//!
//! A policy's requests are counted in fixed windows, by subject: a user where one is known, else a source address.
//! Fixed windows let a subject that uses up one window at its end and the next at its start do so at once: twice the
//! quota in a moment, never more in two windows. The counters are in the table module, because they need DynamoDB.

mod quotas;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use uuid::Uuid;

use crate::email::Email;
use crate::user::UniqueName;

pub use quotas::{Limits, LimitsError};

/// What is limited. Each policy has counters of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Requests that change nothing.
    Reads,
    /// Requests that change something.
    Writes,
    /// Attempts to sign in, which guess passwords if there are many.
    SignIn,
    /// New accounts.
    SignUp,
    /// Whatever sends an email to an address that the caller names.
    Mail,
    /// Mails that anybody can have sent to an address without showing that it is theirs, counted by that address.
    Mailbox,
}

/// How closely a policy is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accuracy {
    /// At every request, with a call each. Never more than the quota passes.
    Exact,
    /// In blocks that a sandbox takes in advance, the first one on credit. Most requests cost no call; how far a
    /// subject can get beyond the quota is bounded, see [`Quota::block`].
    Leased,
}

/// How many requests may pass in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The requests. At least one.
    pub requests: u32,
    /// The window's length in seconds. At least one.
    pub seconds: u32,
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A user, wherever from.
    User(Uuid),
    /// Everybody behind an address. An IPv6 address counts as its /64 network, for whoever has one address of it can
    /// take any (RFC 4291, section 2.5.1), and an IPv4 address that is written as an IPv6 one counts as what it is.
    Address(IpAddr),
    /// Whoever reads the mail of an address, by the SHA-256 of the address as names are compared: no row and no log
    /// shows whose it is.
    Mailbox([u8; 32]),
}

/// What a mail is about that somebody may have sent to an address which is not theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// A sign-up with the address.
    SignUp,
    /// A request to confirm the address.
    Verification,
    /// A request for a new password.
    PasswordReset,
}

impl Occasion {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign-up",
            Self::Verification => "verification",
            Self::PasswordReset => "password-reset",
        }
    }
}

/// Where a subject stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What was counted.
    pub policy: Policy,
    /// How much of it may be.
    pub quota: Quota,
    /// How many more requests would pass in this window. Exact for exact policies. For leased ones it is what the
    /// sandbox last heard from the counter, less what it has let pass since: too high by what other sandboxes have let
    /// pass, too low by what they have taken and not used.
    pub remaining: u32,
    /// Seconds until the window ends, or until it makes sense to try again. At least one.
    pub reset: u32,
    /// Whether the request may pass.
    pub allowed: bool,
}

impl Subject {
    /// Whoever reads the mail of this address. Each occasion has a count of its own, so that nobody can keep the mail
    /// of one from an address by bringing about those of another.
    pub fn mailbox(email: &Email, occasion: Occasion) -> Self {
        let name = UniqueName::of(email.as_str());
        let hash = digest::digest(&digest::SHA256, format!("{}#{}", occasion.as_str(), name.as_str()).as_bytes());
        Self::Mailbox(hash.as_ref().try_into().unwrap_or_default())
    }
}

impl Policy {
    /// All policies.
    pub const ALL: [Self; 6] = [Self::Reads, Self::Writes, Self::SignIn, Self::SignUp, Self::Mail, Self::Mailbox];

    /// The name, in settings, header fields and keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::SignIn => "sign-in",
            Self::SignUp => "sign-up",
            Self::Mail => "mail",
            Self::Mailbox => "mailbox",
        }
    }

    /// Reads are many and cheap, so that a call for each would cost more than what it protects. Everything else writes
    /// anyway, or is worth a call.
    pub fn accuracy(self) -> Accuracy {
        match self {
            Self::Reads => Accuracy::Leased,
            Self::Writes | Self::SignIn | Self::SignUp | Self::Mail | Self::Mailbox => Accuracy::Exact,
        }
    }
}

impl Quota {
    /// How many requests of a leased policy a sandbox takes at once: a fiftieth of the quota, at least one.
    ///
    /// The first block of a window passes uncounted in each sandbox, so that a light reader never costs a call; it is
    /// added to the counter when the second is taken. Every later block is counted before it is used. So the over-run
    /// is at most one block per sandbox, without the first sandbox, which pays in full: with 1,200 requests a minute
    /// the block is 24, and a client that ten sandboxes serve gets at most 1,200 + 9 × 24 = 1,416 through.
    pub fn block(self) -> u32 {
        (self.requests / 50).max(1)
    }
}

impl fmt::Display for Subject {
    /// The subject as it stands in keys: `<uuid>`, `192.0.2.1`, `2001:db8::/64` or a hash.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(formatter),
            Self::Mailbox(hash) => formatter.write_str(&URL_SAFE_NO_PAD.encode(hash)),
            Self::Address(address) => match address.to_canonical() {
                IpAddr::V4(address) => address.fmt(formatter),
                IpAddr::V6(address) => {
                    let network = Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX));
                    write!(formatter, "{network}/64")
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(address: &str) -> String {
        Subject::Address(address.parse().unwrap()).to_string()
    }

    #[test]
    fn an_ipv6_address_counts_as_its_network() {
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }

    #[test]
    fn an_ipv4_address_counts_as_itself_however_it_is_written() {
        assert_eq!(key("192.0.2.1"), "192.0.2.1");
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(key("::ffff:192.0.2.2"), key("::ffff:192.0.2.1"));
    }

    #[test]
    fn a_mailbox_counts_once_however_its_address_is_written_and_shows_no_address() {
        let mailbox = |address: &str| Subject::mailbox(&Email::parse(address).unwrap(), Occasion::SignUp);
        assert_eq!(mailbox("Ann@Example.com"), mailbox("ann@example.com"));
        assert_ne!(mailbox("ann@example.com"), mailbox("bob@example.com"));
        assert!(!mailbox("ann@example.com").to_string().contains("ann"));
    }

    proptest! {
        #[test]
        fn addresses_share_a_count_only_if_they_share_the_first_64_bits(left: u128, right: u128, alike: bool) {
            let right = if alike { left & !u128::from(u64::MAX) | right & u128::from(u64::MAX) } else { right };
            let key = |bits| Subject::Address(IpAddr::V6(Ipv6Addr::from_bits(bits))).to_string();
            // An address that is an IPv4 one in truth has no network here.
            prop_assume!(left >> 64 != 0 && right >> 64 != 0);
            prop_assert_eq!(key(left) == key(right), left >> 64 == right >> 64);
        }
    }
}
