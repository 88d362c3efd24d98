//! Mail: what is to be written to whom. How it looks is the business of the crate `peregrine-mail`.

pub mod links;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::email::Email;

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
    /// A message that somebody who may asked to be sent.
    Notification {
        /// The subject, one line.
        subject: String,
        /// Plain text, perhaps of several lines.
        message: String,
    },
}
