//! The `email-worker` Lambda function: sends the mails that jobs ask for, through Amazon SES.
//!
//! SES has no token by which it would know that it was asked the same twice, so every call is one attempt, and nobody
//! but the job's own retries makes another one. Where it stays unknown whether SES has accepted a mail, the job is
//! tried again: a mail may come twice then, but none is lost.

mod failure;
mod mailbox;
mod recipient;
mod work;

pub use mailbox::{Mailbox, MailboxError};
pub use work::EmailWork;
