use std::borrow::Cow;

use peregrine_core::mail::{Content, Letter, Notice};
use peregrine_core::table::{TableError, Users};
use peregrine_core::user::User;

/// Whom a letter goes to, as the accounts say at the moment at which it is sent.
#[derive(Debug)]
pub(crate) enum Recipient<'a> {
    /// Whoever reads the address that it names.
    Address(&'a Letter),
    /// A user, at the address that is theirs.
    User(Box<User>, Cow<'a, Letter>),
    /// Nobody: there is no such account any more, or never was, or it has no use for the letter.
    Nobody,
}

/// Looks up whom a letter goes to.
///
/// Some letters are asked for by people who name an address and must not learn whether it has an account, so nobody has
/// looked before. They go to the address as it is stored: what was named may be compared as the same name and yet be
/// another address, somebody else's.
///
/// # Errors
/// See [`TableError`].
pub(crate) async fn of<'a>(letter: &'a Letter, users: &Users) -> Result<Recipient<'a>, TableError> {
    let user = match &letter.content {
        Content::Welcome { user_id, .. } | Content::VerifyEmail { user_id } => {
            let user = users.find(*user_id).await?;
            let user = user.filter(|user| user.is_active && user.awaits_confirmation_of(&letter.to));
            return Ok(user.map_or(Recipient::Nobody, |user| Recipient::User(Box::new(user), Cow::Borrowed(letter))));
        }
        Content::PasswordReset { .. } | Content::Notice { what: Notice::AlreadyRegistered } => {
            users.find_by_email(&letter.to).await?
        }
        Content::Notice { .. } | Content::Notification { .. } => return Ok(Recipient::Address(letter)),
    };
    let Some(user) = user.filter(|user| user.is_active) else { return Ok(Recipient::Nobody) };
    let letter = if user.email == letter.to {
        Cow::Borrowed(letter)
    } else {
        Cow::Owned(Letter { to: user.email.clone(), ..letter.clone() })
    };
    Ok(Recipient::User(Box::new(user), letter))
}
