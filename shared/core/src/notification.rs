//! Notifications: mail that somebody asks to be sent.

use jiff::Timestamp;
use utoipa::ToSchema;

use crate::email::Email;
use crate::validation::Validate;
use crate::web_url::WebUrl;

/// The subject of a notification that has none of its own.
pub const DEFAULT_SUBJECT: &str = "A message for you";

/// What a user is told by a notification that says nothing of its own, as in the guides.
pub const DEFAULT_MESSAGE: &str = "Welcome!";

/// A mail to any address.
#[derive(Debug, Clone, ToSchema, Validate)]
pub struct NewNotification {
    /// Whom it is for.
    pub email: Email,
    /// One line, without control characters.
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f]*$", example = "Your order")]
    pub subject: Option<String>,
    /// Plain text.
    #[schema(min_length = 1, max_length = 10_000, example = "It is on its way.")]
    pub message: String,
    /// Not to be sent before this time, which is a year ahead at most.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub run_at: Option<Timestamp>,
    /// Where to tell how it ended, by a signed POST (Standard Webhooks). On the public Internet, by `https`.
    pub webhook: Option<WebUrl>,
    /// While a job of yours with this key is queued or running, another one is refused.
    #[schema(min_length = 1, max_length = 100, example = "order-4711")]
    pub unique_key: Option<String>,
}

/// A mail to a user of the system.
#[derive(Debug, Clone, Default, ToSchema, Validate)]
pub struct UserNotification {
    /// One line, without control characters.
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f]*$", example = "Your order")]
    pub subject: Option<String>,
    /// Plain text. A friendly greeting, if it is left out.
    #[schema(min_length = 1, max_length = 10_000, example = "It is on its way.")]
    pub message: Option<String>,
}
