//! Mail: what is to be written to whom. How it looks is the business of the crate `peregrine-mail`.

pub mod links;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::email::Email;
use crate::one_time::Purpose;
use crate::user::User;

/// A mail that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Whom it is for.
    pub to: Email,
    /// Where the API is found, for links in the mail: scheme and host, without a slash at the end.
    pub base_url: String,
    /// What it says.
    pub content: Content,
}

/// What a mail says. Nothing secret is in it: links with a token are made when the mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "snake_case")]
pub enum Content {
    /// Greets who has signed up, and asks to confirm the address.
    Welcome {
        /// Whose address it is.
        user_id: Uuid,
        /// How the user signs in.
        username: String,
    },
    /// Asks to confirm an address.
    VerifyEmail {
        /// Whose address it is.
        user_id: Uuid,
    },
    /// Offers to set a new password, if the address is that of an active user. Whoever asked for it knows the address
    /// only, and must not learn more; so it is looked up when the mail is sent.
    PasswordReset {
        /// The network address that it was asked from, for the audit trail.
        asked_from: IpAddr,
    },
    /// Tells the owner of an account what happened to it.
    Notice {
        /// What happened.
        what: Notice,
    },
    /// A message that somebody who may asked to be sent.
    Notification {
        /// The subject, one line.
        subject: String,
        /// Plain text, perhaps of several lines.
        message: String,
    },
}

/// What the owner of an account is told, whether they did it or somebody else (OWASP ASVS 6.3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The password was changed.
    PasswordChanged,
    /// The password was reset by a link in a mail.
    PasswordReset,
    /// The account has another email address. Told to the old one.
    EmailChanged,
    /// The account has another username.
    UsernameChanged,
    /// A second factor was set up.
    SecondFactorEnabled,
    /// The second factor was removed.
    SecondFactorDisabled,
    /// A refresh token was used a second time, so its session was ended.
    RefreshTokenReused,
    /// Somebody signed up with an address that an account has. Told to the account's address as it is stored, if there
    /// is such an account.
    AlreadyRegistered,
}

impl Notice {
    /// All that there are.
    pub const ALL: [Self; 8] = [
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::EmailChanged,
        Self::UsernameChanged,
        Self::SecondFactorEnabled,
        Self::SecondFactorDisabled,
        Self::RefreshTokenReused,
        Self::AlreadyRegistered,
    ];
}

impl Letter {
    /// Greets a new user, and asks to confirm the address.
    pub fn welcome(user: &User, base_url: String) -> Self {
        let content = Content::Welcome { user_id: user.id, username: user.username.clone() };
        Self { to: user.email.clone(), base_url, content }
    }

    /// Asks a user to confirm an address: the one that they have, or one that waits to take its place.
    pub fn confirmation(user: &User, to: &Email, base_url: String) -> Self {
        Self { to: to.clone(), base_url, content: Content::VerifyEmail { user_id: user.id } }
    }

    /// Tells the owner of an account what happened to it. For [`Notice::EmailChanged`] `to` is the old address.
    pub fn notice(what: Notice, to: &Email, base_url: String) -> Self {
        Self { to: to.clone(), base_url, content: Content::Notice { what } }
    }
}

impl Content {
    /// What its link is good for, if it has one that holds a token for one use.
    pub fn purpose(&self) -> Option<Purpose> {
        match self {
            Self::Welcome { .. } | Self::VerifyEmail { .. } => Some(Purpose::VerifyEmail),
            Self::PasswordReset { .. } => Some(Purpose::ResetPassword),
            Self::Notice { .. } | Self::Notification { .. } => None,
        }
    }

    /// Whether it is about the receiver's own account.
    pub fn is_about_account(&self) -> bool {
        !matches!(self, Self::Notification { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mail_says_keeps_its_form_in_the_table() {
        for (content, stored) in [
            (
                Content::Welcome { user_id: Uuid::nil(), username: "ann".to_owned() },
                r#"{"template":"welcome","user_id":"00000000-0000-0000-0000-000000000000","username":"ann"}"#,
            ),
            (
                Content::VerifyEmail { user_id: Uuid::nil() },
                r#"{"template":"verify_email","user_id":"00000000-0000-0000-0000-000000000000"}"#,
            ),
            (
                Content::PasswordReset { asked_from: "192.0.2.1".parse().unwrap() },
                r#"{"template":"password_reset","asked_from":"192.0.2.1"}"#,
            ),
            (
                Content::Notice { what: Notice::SecondFactorEnabled },
                r#"{"template":"notice","what":"second_factor_enabled"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&content).unwrap(), stored);
            assert_eq!(serde_json::from_str::<Content>(stored).unwrap(), content);
        }
    }
}
