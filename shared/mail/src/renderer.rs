use askama::Template;
use jiff::Timestamp;
use peregrine_core::email::Email;
use peregrine_core::mail::links::{MailLinks, UNSUBSCRIBE_PATH, VERIFY_EMAIL_PATH};
use peregrine_core::mail::{Content, Letter};
use uuid::Uuid;

use crate::plain_text;

/// A mail as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// A whole document.
    pub html: String,
    /// What the HTML says, for who reads no HTML.
    pub text: String,
    /// Where the receiver can ask for no more mail like this, if they can.
    pub unsubscribe: Option<String>,
}

/// A template failed.
#[derive(Debug, thiserror::Error)]
#[error("the mail can't be rendered")]
pub struct RenderError(#[from] askama::Error);

/// Makes mails of what they are to say.
#[derive(Debug, Clone)]
pub struct Renderer {
    sender: String,
    links: MailLinks,
}

impl Renderer {
    /// Mails from a sender of this name, with such links.
    pub fn new(sender: &str, links: MailLinks) -> Self {
        Self { sender: plain_text::line_of(sender), links }
    }

    /// The mail. Its links count from `now` on.
    ///
    /// # Errors
    /// [`RenderError`]: none that is known of, since a string takes whatever is written to it.
    pub fn render(&self, letter: &Letter, now: Timestamp) -> Result<Rendered, RenderError> {
        let link = |path: &str, token: &str| format!("{}{path}?token={token}", letter.base_url);
        let sender = &self.sender;
        match &letter.content {
            Content::Welcome { user_id, username } => {
                let link = link(VERIFY_EMAIL_PATH, &self.links.verification(*user_id, &letter.to, now));
                let subject = "Confirm your email address";
                let username = Some(username.as_str()).filter(|username| is_harmless(username));
                let html = WelcomeHtml { subject, sender, username, link: &link }.render()?;
                let text = WelcomeText { sender, username, link: &link }.render()?;
                Ok(Rendered { subject: subject.to_owned(), html, text, unsubscribe: None })
            }
            Content::Notification { subject, message } => {
                let link = link(UNSUBSCRIBE_PATH, &self.links.unsubscribe(&letter.to));
                let subject = plain_text::line_of(subject);
                let message = &plain_text::of(message);
                let html = NotificationHtml { subject: &subject, sender, message, link: &link }.render()?;
                let text = NotificationText { sender, message, link: &link }.render()?;
                Ok(Rendered { subject, html, text, unsubscribe: Some(link) })
            }
        }
    }
}

/// Whether a username can be shown to somebody who may not have chosen it: anybody can sign up with another one's
/// address, and must not get a link or a sentence of their own into a mail that way.
fn is_harmless(username: &str) -> bool {
    username.chars().all(|character| character.is_alphanumeric() || matches!(character, '-' | '_'))
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomeHtml<'a> {
    subject: &'a str,
    sender: &'a str,
    username: Option<&'a str>,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "welcome.txt")]
struct WelcomeText<'a> {
    sender: &'a str,
    username: Option<&'a str>,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "notification.html")]
struct NotificationHtml<'a> {
    subject: &'a str,
    sender: &'a str,
    message: &'a str,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "notification.txt")]
struct NotificationText<'a> {
    sender: &'a str,
    message: &'a str,
    link: &'a str,
}

/// One mail of each kind, by name, to be looked at. Their links are made with an empty secret, which no deployment has.
///
/// # Errors
/// As [`Renderer::render`].
pub fn examples() -> Result<Vec<(&'static str, Rendered)>, RenderError> {
    let renderer = Renderer::new("Peregrine", MailLinks::new(&"".into()));
    let welcome = Content::Welcome { user_id: Uuid::nil(), username: "ann".to_owned() };
    let notification = Content::Notification {
        subject: "Your report is ready".to_owned(),
        message: "Hello Ann,\n\nthe report for March is ready.\n\nYours,\nBob".to_owned(),
    };
    let render = |content| {
        let to = Email::from_stored("ann@example.com".to_owned());
        let letter = Letter { to, base_url: "https://api.example.com".to_owned(), content };
        renderer.render(&letter, Timestamp::UNIX_EPOCH)
    };
    Ok(vec![("welcome", render(welcome)?), ("notification", render(notification)?)])
}

#[cfg(test)]
mod tests;
