//! The mails that accounts bring about.

use peregrine_core::email::Email;
use peregrine_core::job::Job;
use peregrine_core::mail::{Letter, Notice};
use peregrine_core::user::User;
use uuid::Uuid;

use crate::UsersState;

impl UsersState {
    /// The mails about a change: to an address that is to be confirmed, and to the old one, which the owner may still
    /// read when somebody else has done it.
    pub(crate) fn letters_of_change(
        &self,
        (old, new): (&User, &User),
        to_confirm: Option<&Email>,
        is_password_new: bool,
        base_url: &str,
    ) -> Vec<Job> {
        let tell = |what| Job::notice(what, old, base_url.to_owned(), self.clock.now(), &self.random);
        let mut letters = Vec::new();
        if let Some(address) = to_confirm {
            letters.push(self.mail(Letter::confirmation(new, address, base_url.to_owned()), old.id));
            letters.extend(tell(Notice::EmailChanged));
        }
        if new.username != old.username {
            letters.extend(tell(Notice::UsernameChanged));
        }
        if is_password_new {
            letters.extend(tell(Notice::PasswordChanged));
        }
        letters
    }

    /// The job that sends a letter, on behalf of `owner_id`.
    pub(crate) fn mail(&self, letter: Letter, owner_id: Uuid) -> Job {
        Job::mail(letter, owner_id, self.clock.now(), &self.random)
    }
}

/// The address that a change names and that its owner has to confirm, if there is one: another one than before, or one
/// that waits.
pub(crate) fn address_to_confirm<'a>(old: &User, new: &'a User, is_address_named: bool) -> Option<&'a Email> {
    let address = new.pending_email.as_ref().unwrap_or(&new.email);
    (is_address_named && (new.pending_email.is_some() || *address != old.email)).then_some(address)
}
