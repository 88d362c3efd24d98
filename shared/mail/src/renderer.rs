use std::net::Ipv4Addr;

use askama::Template;
use peregrine_core::email::Email;
use peregrine_core::mail::links::{
    FORGOT_PASSWORD_PATH, MailLinks, RESET_PASSWORD_PATH, UNSUBSCRIBE_PATH, VERIFY_EMAIL_PATH,
};
use peregrine_core::mail::{Content, Letter, Notice};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::notices::{Words, words_of};
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

/// A mail can't be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A template failed. No case is known, since a string takes whatever is written to it.
    #[error("the mail can't be rendered")]
    Template(#[from] askama::Error),
    /// There is none of the token that its link holds.
    #[error("the mail's link needs a token")]
    Token,
}

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

    /// The mail. `token` is the one for one use that its link holds, if [`Content::purpose`] names one.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn render(&self, letter: &Letter, token: Option<&SecretString>) -> Result<Rendered, RenderError> {
        let link = |path: &str, token: &str| format!("{}{path}?token={token}", letter.base_url);
        let token = || token.map(ExposeSecret::expose_secret).ok_or(RenderError::Token);
        let sender = &self.sender;
        match &letter.content {
            Content::Welcome { username, .. } => {
                let link = link(VERIFY_EMAIL_PATH, token()?);
                let subject = "Confirm your email address";
                let username = Some(username.as_str()).filter(|username| is_harmless(username));
                let html = WelcomeHtml { subject, sender, username, link: &link }.render()?;
                let text = WelcomeText { sender, username, link: &link }.render()?;
                Ok(Rendered { subject: subject.to_owned(), html, text, unsubscribe: None })
            }
            Content::VerifyEmail { .. } => self.with_link(&Linked {
                link: &link(VERIFY_EMAIL_PATH, token()?),
                subject: "Confirm your email address",
                text: "Please confirm that this address is yours. The link works once, within 24 hours.",
                button: "Confirm this address",
                footer: "If you have no account here, do nothing, and the address stays unconfirmed.",
            }),
            Content::PasswordReset { .. } => self.with_link(&Linked {
                link: &link(RESET_PASSWORD_PATH, token()?),
                subject: "Set a new password",
                text: "Somebody asked to set a new password for your account. The link works once, within 30 minutes.",
                button: "Set a new password",
                footer: "If it was not you, do nothing: your password stays as it is.",
            }),
            Content::Notice { what } => {
                let link = format!("{}{FORGOT_PASSWORD_PATH}", letter.base_url);
                let Words { subject, text, advice } = words_of(*what);
                let html = NoticeHtml { subject, sender, text, advice, link: &link }.render()?;
                let text = NoticeText { subject, sender, text, advice, link: &link }.render()?;
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

    fn with_link(&self, linked: &Linked<'_>) -> Result<Rendered, RenderError> {
        let (sender, Linked { link, subject, text, button, footer }) = (&self.sender, *linked);
        let html = LinkHtml { sender, subject, text, button, footer, link }.render()?;
        let text = LinkText { sender, subject, text, footer, link }.render()?;
        Ok(Rendered { subject: subject.to_owned(), html, text, unsubscribe: None })
    }
}

/// What a mail says that asks to follow a link.
#[derive(Clone, Copy)]
struct Linked<'a> {
    link: &'a str,
    subject: &'static str,
    text: &'static str,
    button: &'static str,
    footer: &'static str,
}

/// Whether a username can be shown to somebody who may not have chosen it: anybody can sign up with another one's
/// address, and must not get a link or a sentence of their own into a mail that way.
fn is_harmless(username: &str) -> bool {
    username.chars().all(|character| character.is_alphanumeric() || matches!(character, '-' | '_'))
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkHtml<'a> {
    sender: &'a str,
    subject: &'a str,
    text: &'a str,
    button: &'a str,
    footer: &'a str,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "link.txt")]
struct LinkText<'a> {
    sender: &'a str,
    subject: &'a str,
    text: &'a str,
    footer: &'a str,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeHtml<'a> {
    subject: &'a str,
    sender: &'a str,
    text: &'a str,
    advice: &'a str,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "notice.txt")]
struct NoticeText<'a> {
    subject: &'a str,
    sender: &'a str,
    text: &'a str,
    advice: &'a str,
    link: &'a str,
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

/// One mail of each kind, by name, to be looked at. Their links hold what is no token, and are made with an empty
/// secret, which no deployment has.
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
    let token = "EXAMPLE".into();
    let render = |content| {
        let to = Email::from_stored("ann@example.com".to_owned());
        let letter = Letter { to, base_url: "https://api.example.com".to_owned(), content };
        renderer.render(&letter, Some(&token))
    };
    let mut examples = vec![
        ("welcome", render(welcome)?),
        ("verify-email", render(Content::VerifyEmail { user_id: Uuid::nil() })?),
        ("password-reset", render(Content::PasswordReset { asked_from: Ipv4Addr::LOCALHOST.into() })?),
        ("notification", render(notification)?),
    ];
    for what in Notice::ALL {
        examples.push((name_of(what), render(Content::Notice { what })?));
    }
    Ok(examples)
}

/// What a notice's example is called.
fn name_of(notice: Notice) -> &'static str {
    match notice {
        Notice::PasswordChanged => "password-changed",
        Notice::PasswordReset => "password-was-reset",
        Notice::EmailChanged => "email-changed",
        Notice::UsernameChanged => "username-changed",
        Notice::SecondFactorEnabled => "second-factor-enabled",
        Notice::SecondFactorDisabled => "second-factor-disabled",
        Notice::RefreshTokenReused => "refresh-token-reused",
        Notice::AlreadyRegistered => "already-registered",
    }
}

#[cfg(test)]
mod tests;
