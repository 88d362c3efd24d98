//! The mails that accounts bring about.

use peregrine_core::job::{Job, Task};
use peregrine_core::mail::{Letter, Notice};
use peregrine_core::user::User;
use uuid::Uuid;

use crate::UsersState;

impl UsersState {
    /// The mails about a change: to a new address, if one was named, and to the old one, which the owner may still read
    /// when somebody else has done it. An address that nobody has confirmed is told nothing, because it may be a
    /// stranger's.
    pub(crate) fn letters_of_change(
        &self,
        (old, new): (&User, &User),
        is_address_named: bool,
        is_password_new: bool,
        base_url: &str,
    ) -> Vec<Job> {
        let mut letters = Vec::new();
        let tell = |what| Letter::notice(what, &old.email, base_url.to_owned());
        let address = new.pending_email.as_ref().unwrap_or(&new.email);
        if is_address_named && (new.pending_email.is_some() || *address != old.email) {
            letters.push(Letter::confirmation(new, address, base_url.to_owned()));
            letters.extend(old.is_verified.then(|| tell(Notice::EmailChanged)));
        }
        if is_password_new && old.is_verified {
            letters.push(tell(Notice::PasswordChanged));
        }
        letters.into_iter().map(|letter| self.mail(letter, old.id)).collect()
    }

    /// The job that sends a letter, on behalf of `owner_id`.
    pub(crate) fn mail(&self, letter: Letter, owner_id: Uuid) -> Job {
        Job::new(Task::Email(letter), owner_id, self.clock.now(), &self.random)
    }
}
