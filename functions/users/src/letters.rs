//! The mails that accounts bring about.

use peregrine_core::email::Email;
use peregrine_core::job::{Job, Task};
use peregrine_core::mail::{Content, Letter};
use peregrine_core::user::User;
use uuid::Uuid;

use crate::UsersState;

/// What somebody is told of an account. No link and nothing that anybody has chosen is in it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Notice {
    /// Somebody signs up with an address that has an account.
    AlreadyRegistered,
    /// There is another password.
    PasswordChanged,
    /// There is, or is to be, another address.
    EmailChanged,
}

impl UsersState {
    /// Asks who reads mail at this address to confirm it as the user's.
    pub(crate) fn confirmation(&self, user: &User, to: &Email, base_url: &str) -> Job {
        let content = Content::Welcome { user_id: user.id, username: user.username.clone() };
        self.mail(content, to, user.id, base_url)
    }

    /// Tells what has happened, on behalf of `owner_id`.
    pub(crate) fn notice(&self, notice: Notice, to: &Email, owner_id: Uuid, base_url: &str) -> Job {
        self.mail(content_of(notice), to, owner_id, base_url)
    }

    /// The mails about a change: to a new address, if one was named, and to the old one, which the owner may still read when
    /// somebody else has done it. An address that nobody has confirmed is told nothing, because it may be a stranger's.
    pub(crate) fn letters_of_change(
        &self,
        (old, new): (&User, &User),
        is_address_named: bool,
        is_password_new: bool,
        base_url: &str,
    ) -> Vec<Job> {
        let mut letters = Vec::new();
        let tell = |notice| self.notice(notice, &old.email, old.id, base_url);
        let confirmed = |address: &&Email| is_address_named && (new.pending_email.is_some() || **address != old.email);
        if let Some(address) = Some(new.pending_email.as_ref().unwrap_or(&new.email)).filter(confirmed) {
            letters.push(self.confirmation(new, address, base_url));
            letters.extend(old.is_verified.then(|| tell(Notice::EmailChanged)));
        }
        if is_password_new && old.is_verified {
            letters.push(tell(Notice::PasswordChanged));
        }
        letters
    }

    fn mail(&self, content: Content, to: &Email, owner_id: Uuid, base_url: &str) -> Job {
        let letter = Letter { to: to.clone(), base_url: base_url.to_owned(), content };
        Job::new(Task::Email(letter), owner_id, self.clock.now(), &self.random)
    }
}

fn content_of(notice: Notice) -> Content {
    let (subject, message) = match notice {
        Notice::AlreadyRegistered => (
            "You have an account already",
            "Somebody, perhaps you, has just signed up with this address. It has an account already, so nothing was \
             changed.\n\nIf you have forgotten your password, ask for a new one. If it was not you, there is nothing to do.",
        ),
        Notice::PasswordChanged => (
            "Your password was changed",
            "The password of your account has just been changed, and all your sessions have ended.\n\nIf it was not you, \
             ask for a new password at once.",
        ),
        Notice::EmailChanged => (
            "Another address for your account",
            "Somebody, perhaps you, has just named another email address for your account.\n\nIf it was not you, change \
             your password at once.",
        ),
    };
    Content::Notification { subject: subject.to_owned(), message: message.to_owned() }
}
