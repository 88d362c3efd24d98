//! `/_local/mail/templates`: the mails that the system sends, rendered with made-up contents.

use hyper::StatusCode;
use peregrine_mail::Rendered;
use serde_json::{Value, json};

use super::pages;
use super::response::{self, Answer};

/// The answer to a request for the `path` below, to a browser as a page.
pub(super) fn answer(path: &[&str], page: bool) -> Answer {
    let mails = match peregrine_mail::examples() {
        Ok(mails) => mails,
        Err(error) => {
            let message = format!("the examples could not be rendered: {error}");
            return response::message(StatusCode::INTERNAL_SERVER_ERROR, &message);
        }
    };
    match path {
        [] if page => {
            let templates = mails.iter().map(|(name, mail)| (*name, mail.subject.as_str())).collect();
            response::page(&pages::Previews { templates })
        }
        [] => response::json(StatusCode::OK, &mails.iter().map(|(name, mail)| view(name, mail)).collect()),
        [name, rest @ ..] => match (mails.iter().find(|(known, _)| known == name), rest) {
            (Some((_, mail)), ["html"]) => response::mail_html(mail.html.clone()),
            (Some((name, mail)), []) if page => response::page(&pages::Preview::of(name, mail)),
            (Some((name, mail)), []) => response::json(StatusCode::OK, &view(name, mail)),
            _ => response::message(StatusCode::NOT_FOUND, "there is no such template; see /_local/mail/templates"),
        },
    }
}

fn view(name: &str, mail: &Rendered) -> Value {
    json!({"name": name, "subject": mail.subject, "html": mail.html, "text": mail.text})
}
