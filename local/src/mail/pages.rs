//! Mail as people look at it. Everything that a mail says is escaped; its HTML stands in a frame of its own.

use std::sync::Arc;

use askama::Template;
use peregrine_mail::Rendered;

use super::{CapturedMail, KEPT_MAILS};

/// The list of mails, the newest first.
#[derive(Template)]
#[template(path = "mails.html")]
pub(super) struct List<'a> {
    pub(super) mails: &'a [Arc<CapturedMail>],
    /// Whose mails are shown, or nothing for all.
    pub(super) to: &'a str,
}

/// One mail.
#[derive(Template)]
#[template(path = "mail.html")]
pub(super) struct Letter<'a> {
    mail: &'a CapturedMail,
    /// Where its HTML is.
    html: Option<String>,
    text: Option<Vec<Piece<'a>>>,
}

/// The list of templates: names and subjects.
#[derive(Template)]
#[template(path = "previews.html")]
pub(super) struct Previews<'a> {
    pub(super) templates: Vec<(&'a str, &'a str)>,
}

/// One template, rendered.
#[derive(Template)]
#[template(path = "preview.html")]
pub(super) struct Preview<'a> {
    name: &'a str,
    subject: &'a str,
    /// Where its HTML is.
    html: String,
    text: Vec<Piece<'a>>,
}

impl List<'_> {
    const KEPT: usize = KEPT_MAILS;
}

impl<'a> Letter<'a> {
    pub(super) fn of(mail: &'a CapturedMail) -> Self {
        let html = mail.html.as_ref().map(|_| format!("/_local/mail/{}/html", mail.id));
        Self { mail, html, text: mail.text.as_deref().map(pieces) }
    }
}

impl<'a> Preview<'a> {
    pub(super) fn of(name: &'a str, mail: &'a Rendered) -> Self {
        let html = format!("/_local/mail/templates/{name}/html");
        Self { name, subject: &mail.subject, html, text: pieces(&mail.text) }
    }
}

impl CapturedMail {
    /// To the second; the whole time is in the JSON.
    fn shown_time(&self) -> String {
        self.time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// What a link can be made of.
    fn shown_subject(&self) -> &str {
        if self.subject.trim().is_empty() { "(no subject)" } else { &self.subject }
    }
}

/// A part of a plain text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Link(&'a str),
}

/// Plain text with the web addresses in it apart, so that they can be followed as in a mail program.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = [rest.find("https://"), rest.find("http://")].into_iter().flatten().min() {
        let (before, from_link) = rest.split_at(start);
        let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"'()[]{}".contains(c);
        let (link, _) = from_link.split_at(from_link.find(ends).unwrap_or(from_link.len()));
        // A sentence may end behind the address.
        let link = link.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let (link, after) = from_link.split_at(link.len());
        pieces.extend([Piece::Text(before), Piece::Link(link)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_text_become_links() {
        assert_eq!(
            pieces("See https://a.example/x?b=1&c=2. Or (http://b.example)!"),
            [
                Piece::Text("See "),
                Piece::Link("https://a.example/x?b=1&c=2"),
                Piece::Text(". Or ("),
                Piece::Link("http://b.example"),
                Piece::Text(")!"),
            ]
        );
        assert_eq!(pieces("javascript:alert(1)"), [Piece::Text("javascript:alert(1)")]);
        assert_eq!(pieces(""), [Piece::Text("")]);
    }
}
