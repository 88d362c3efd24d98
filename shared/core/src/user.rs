//! Users: what is known of them, and what may be asked for.

mod first_admin;
mod unique_name;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::email::Email;
use crate::password::NewPassword;
use crate::random::Random;
use crate::scope::Scopes;
use crate::session::SessionRef;
use crate::validation::{Change, Constraints, Enforces, Input, Report, Rules, Validate};

pub use first_admin::{FirstAdmin, FirstAdminError};
pub use unique_name::UniqueName;

/// A user. The password's hash is not part of it: only a sign-in reads that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Identifies the user for good.
    pub id: Uuid,
    /// Unique, in one namespace with the usernames.
    pub email: Email,
    /// The address that is to take the place of `email` once its owner has confirmed it. It may be anybody's, and keeps
    /// nobody from having it.
    pub pending_email: Option<Email>,
    /// Unique, in one namespace with the emails.
    pub username: String,
    /// How the user wants to be called.
    pub full_name: Option<String>,
    /// In years.
    pub age: Option<u8>,
    /// Where the user lives.
    pub address: Option<Address>,
    /// An inactive user can't sign in, and no token of theirs is accepted.
    pub is_active: bool,
    /// Whether the email address has been shown to be the user's.
    pub is_verified: bool,
    /// What the user may do.
    pub scopes: Scopes,
    /// Whether signing in takes a second factor besides the password.
    pub has_second_factor: bool,
    /// Counts how often all sessions have been ended at once. A session belongs to the epoch in which it began.
    pub session_epoch: u64,
    /// Counts how often all API keys have been ended at once. A key belongs to the epoch in which it was created.
    pub api_key_epoch: u64,
    /// Sessions that were ended one by one, each until its last access token has expired.
    pub ended_sessions: BTreeMap<Uuid, Timestamp>,
    /// When the user signed up.
    pub created_at: Timestamp,
    /// When anything of this last changed.
    pub updated_at: Timestamp,
    /// Counts the changes, for optimistic locking.
    pub version: u64,
}

/// Sessions that are remembered as ended, at the most. One takes about 70 bytes of the 400 KB that a row may have.
const MOST_ENDED_SESSIONS: usize = 100;

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, Validate)]
pub struct Address {
    /// Street and number.
    #[schema(max_length = 200, example = "1 Main St")]
    pub street: String,
    /// Town.
    #[schema(max_length = 200, example = "Rome")]
    pub city: String,
    /// Country, in any notation.
    #[schema(max_length = 200, example = "IT")]
    pub country: String,
}

/// A sign-up, and what PUT replaces a user with.
#[derive(Debug, Clone, ToSchema, Validate)]
pub struct NewUser {
    /// Where mail reaches the user.
    pub email: Email,
    /// What the user signs in with, besides the email.
    #[schema(value_type = String, min_length = 3, max_length = 50, example = "ann")]
    pub username: Username,
    /// How the user wants to be called.
    #[schema(max_length = 200, example = "Ann O'Neil")]
    pub full_name: Option<String>,
    /// In years.
    #[schema(minimum = 0, maximum = 150, example = 41)]
    pub age: Option<u8>,
    /// Where the user lives.
    pub address: Option<Address>,
    /// Has a digit and an upper-case letter, or what hardened sign-in asks for. Where sign-in is hardened, PUT wants
    /// the current password here and leaves it as it is.
    pub password: NewPassword,
}

/// What the current password is replaced with.
#[derive(Debug, Clone, ToSchema, Validate)]
pub struct PasswordChange {
    /// The password as it is.
    #[schema(value_type = String, format = Password, example = "Passw0rd1")]
    pub current_password: SecretString,
    /// Has a digit and an upper-case letter, or what hardened sign-in asks for.
    #[schema(example = "An0therPassword")]
    pub new_password: NewPassword,
}

/// A username that somebody has just chosen. Where sign-in is hardened it has no `@`: usernames and addresses are names
/// of one kind, and to find an address taken as a username would tell that it has an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Validate for Username {
    const ENFORCES: Enforces = String::ENFORCES;

    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let name = String::validate(input, constraints, report)?;
        if report.rules().hardened && name.contains('@') {
            return report.rule_broken("Username must not contain an @", input);
        }
        Some(Self(name))
    }
}

/// What PATCH changes. A field that is left out stays as it is.
#[derive(Debug, Clone, Default, ToSchema, Validate)]
pub struct UserPatch {
    /// Where mail reaches the user. `null` leaves it as it is. Where sign-in is hardened a new address takes the place
    /// of the old one once it has been confirmed by the link that is sent there.
    #[schema(value_type = Option<Email>)]
    pub email: Change<Email>,
    /// What the user signs in with, besides the email. `null` leaves it as it is.
    #[schema(value_type = Option<String>, min_length = 3, max_length = 50, example = "ann")]
    pub username: Change<Username>,
    /// How the user wants to be called.
    #[schema(value_type = Option<String>, max_length = 200, example = "Ann O'Neil")]
    pub full_name: Change<String>,
    /// In years.
    #[schema(value_type = Option<u8>, minimum = 0, maximum = 150, example = 41)]
    pub age: Change<u8>,
    /// Where the user lives.
    #[schema(value_type = Option<Address>)]
    pub address: Change<Address>,
    /// Has a digit and an upper-case letter, or what hardened sign-in asks for. `null` leaves it as it is.
    #[schema(value_type = Option<NewPassword>)]
    pub password: Change<NewPassword>,
    /// The password as it is, if one's own `email` or `password` is to change. If it is sent, it must be right; where
    /// sign-in is hardened, it must be sent.
    #[schema(value_type = Option<String>, format = Password, example = "Passw0rd1")]
    pub current_password: Option<SecretString>,
    /// Whether the user may sign in. For admins only.
    #[schema(value_type = Option<bool>, example = true)]
    pub is_active: Change<bool>,
    /// What the user may do. For admins only.
    #[schema(value_type = Option<Scopes>)]
    pub scopes: Change<Scopes>,
}

/// A user as answers show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserView {
    /// Where mail reaches the user.
    pub email: Email,
    /// What the user signs in with, besides the email.
    #[schema(example = "ann")]
    pub username: String,
    /// How the user wants to be called.
    #[schema(required = true, example = "Ann O'Neil")]
    pub full_name: Option<String>,
    /// In years.
    #[schema(required = true, example = 41)]
    pub age: Option<u8>,
    /// Where the user lives.
    #[schema(required = true)]
    pub address: Option<Address>,
    /// Identifies the user for good.
    #[schema(example = "0198f3c4-12ab-7d10-9f3e-6b5a4c3d2e1f")]
    pub id: Uuid,
    /// Whether the user may sign in.
    #[schema(example = true)]
    pub is_active: bool,
    /// When the user signed up.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub created_at: Timestamp,
    /// When anything of this last changed.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub updated_at: Timestamp,
    /// Whether the email address has been shown to be the user's.
    #[schema(example = false)]
    pub is_verified: bool,
    /// What the user may do.
    pub scopes: Scopes,
}

impl User {
    /// A user who has just signed up.
    pub fn new(new: &NewUser, now: Timestamp, random: &Random) -> Self {
        Self {
            id: random.uuid(now),
            email: new.email.clone(),
            pending_email: None,
            username: new.username.as_str().to_owned(),
            full_name: new.full_name.clone(),
            age: new.age,
            address: new.address.clone(),
            is_active: true,
            is_verified: false,
            scopes: Scopes::of_new_user(),
            has_second_factor: false,
            session_epoch: 0,
            api_key_epoch: 0,
            ended_sessions: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// The user with all that the owner may set replaced. Id, rights and the time of sign-up stay. A password is among
    /// it, so all sessions end.
    #[must_use]
    pub fn replaced_by(&self, new: &NewUser, now: Timestamp) -> Self {
        self.with_new_password(now).with_all_of(new)
    }

    /// The same where the password only shows who asks for it and stays as it is, and so do the sessions.
    #[must_use]
    pub fn replaced_but_for_password(&self, new: &NewUser, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }.with_all_of(new)
    }

    fn with_all_of(self, new: &NewUser) -> Self {
        let email_is_kept = self.email == new.email;
        Self {
            email: new.email.clone(),
            pending_email: None,
            username: new.username.as_str().to_owned(),
            full_name: new.full_name.clone(),
            age: new.age,
            address: new.address.clone(),
            is_verified: self.is_verified && email_is_kept,
            ..self
        }
    }

    /// What a change of `old` comes to where a new address must be confirmed before it is anybody's: until then the old
    /// one stays. So whoever changes theirs learns nothing of whose the new one is.
    #[must_use]
    pub fn awaiting_confirmation(self, old: &Self) -> Self {
        if self.email == old.email {
            return self;
        }
        Self { email: old.email.clone(), pending_email: Some(self.email), is_verified: old.is_verified, ..self }
    }

    /// The user with the changes made. The password is not part of a user, so its change is the caller's to make.
    #[must_use]
    pub fn patched_by(&self, patch: &UserPatch, now: Timestamp) -> Self {
        let mut user = self.clone();
        if let Some(email) = patch.email.clone().set() {
            user.is_verified &= user.email == email;
            user.pending_email = None;
            user.email = email;
        }
        if let Some(username) = patch.username.clone().set() {
            user.username = username.0;
        }
        patch.full_name.clone().apply_to(&mut user.full_name);
        patch.age.clone().apply_to(&mut user.age);
        patch.address.clone().apply_to(&mut user.address);
        if let Some(is_active) = patch.is_active.clone().set() {
            if user.is_active && !is_active {
                user.end_all_sessions();
                user.api_key_epoch += 1;
            }
            user.is_active = is_active;
        }
        if let Some(scopes) = patch.scopes.clone().set() {
            user.scopes = scopes;
        }
        if matches!(patch.password, Change::Set(_)) {
            user.end_all_sessions();
            user.pending_email = None;
        }
        user.updated_at = now;
        user.version += 1;
        user
    }

    /// The user whose address has been shown to be theirs.
    #[must_use]
    pub fn verified(&self, now: Timestamp) -> Self {
        Self { is_verified: true, updated_at: now, version: self.version + 1, ..self.clone() }
    }

    /// The user after an address has been shown to be theirs: the one that was waiting for that, which becomes theirs
    /// by it, or the one that they have. `is_it` says whether an address is the one; `None` if neither is.
    #[must_use]
    pub fn confirmed(&self, is_it: impl Fn(&Email) -> bool, now: Timestamp) -> Option<Self> {
        if let Some(pending) = self.pending_email.as_ref().filter(|pending| is_it(pending)) {
            return Some(Self { email: pending.clone(), pending_email: None, ..self.verified(now) });
        }
        is_it(&self.email).then(|| self.verified(now))
    }

    /// Whether this address waits for the user to show that it is theirs.
    pub fn awaits_confirmation_of(&self, address: &Email) -> bool {
        self.pending_email.as_ref() == Some(address) || (self.email == *address && !self.is_verified)
    }

    /// Whether the user may sign in with the right password. Where sign-in is hardened the address must have been
    /// confirmed: to sign in right after signing up would tell that nobody had the address before.
    pub fn may_sign_in(&self, rules: Rules) -> bool {
        self.is_active && (self.is_verified || !rules.hardened)
    }

    /// Whether what a session's access token asks for may be done: the user is active and the session goes on.
    pub fn accepts(&self, session: SessionRef) -> bool {
        self.is_active && session.epoch == self.session_epoch && !self.ended_sessions.contains_key(&session.id)
    }

    /// The user after one session has been ended. Nothing that answers show has changed, so neither has `updated_at`.
    ///
    /// `tokens_until` is when the session's last access token expires. Whoever ends very many sessions in that time
    /// ends all of them, because a row has an end.
    #[must_use]
    pub fn with_session_ended(&self, id: Uuid, tokens_until: Timestamp, now: Timestamp) -> Self {
        let mut user = self.clone();
        user.ended_sessions.retain(|_, until| *until > now);
        if user.ended_sessions.len() < MOST_ENDED_SESSIONS {
            user.ended_sessions.insert(id, tokens_until);
        } else {
            user.end_all_sessions();
        }
        user.version += 1;
        user
    }

    /// The user after all sessions have been ended at once.
    #[must_use]
    pub fn with_all_sessions_ended(&self) -> Self {
        let mut user = self.clone();
        user.end_all_sessions();
        user.version += 1;
        user
    }

    /// The user as it is once a new password is set: all sessions end with the old one, and an address that waits to be
    /// confirmed is forgotten, for whoever has named it may be why there is a new password. The password itself is not
    /// part of a user.
    #[must_use]
    pub fn with_new_password(&self, now: Timestamp) -> Self {
        Self { updated_at: now, pending_email: None, ..self.with_all_sessions_ended() }
    }

    /// The user as it is once the password was reset by a link in a mail. API keys end too: whoever had the account may have
    /// made some to come back by. The address is theirs, for they have read its mail.
    #[must_use]
    pub fn with_password_reset(&self, now: Timestamp) -> Self {
        Self { is_verified: true, api_key_epoch: self.api_key_epoch + 1, ..self.with_new_password(now) }
    }

    /// The user after a second factor has been set up or removed. All sessions end: whoever has signed in before has not
    /// shown what a sign-in takes now (OWASP ASVS 7.4.3).
    #[must_use]
    pub fn with_second_factor(&self, has_second_factor: bool) -> Self {
        Self { has_second_factor, ..self.with_all_sessions_ended() }
    }

    fn end_all_sessions(&mut self) {
        self.session_epoch += 1;
        // They belong to epochs that are over.
        self.ended_sessions.clear();
    }

    /// The names that nobody else may have.
    pub fn unique_names(&self) -> BTreeSet<UniqueName> {
        [self.email.as_str(), &self.username].into_iter().map(UniqueName::of).collect()
    }
}

impl UserPatch {
    /// Whether it changes what only an admin may change.
    pub fn needs_admin(&self) -> bool {
        self.is_active != Change::Keep || self.scopes != Change::Keep
    }

    /// Whether it changes the name that the user signs in with, besides the address.
    pub fn renames(&self) -> bool {
        matches!(self.username, Change::Set(_))
    }

    /// Whether it changes by what the user shows who they are.
    pub fn changes_sign_in(&self) -> bool {
        matches!(self.email, Change::Set(_)) || matches!(self.password, Change::Set(_))
    }
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            email: user.email,
            username: user.username,
            full_name: user.full_name,
            age: user.age,
            address: user.address,
            id: user.id,
            is_active: user.is_active,
            created_at: user.created_at,
            updated_at: user.updated_at,
            is_verified: user.is_verified,
            scopes: user.scopes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_ends_very_many_sessions_one_by_one_ends_them_all() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let admin = FirstAdmin::new(Email::from_stored("root@example.com".to_owned()));
        let mut user = admin.account(now, &Random::system());
        let kept = SessionRef { id: Uuid::from_u128(u128::MAX), epoch: user.session_epoch };
        for id in 0..100 {
            user = user.with_session_ended(Uuid::from_u128(id), later(now, 1), now);
        }
        assert!(user.accepts(kept));
        let forgetful = user.with_session_ended(Uuid::from_u128(100), later(now, 2), later(now, 1));
        assert!(forgetful.accepts(kept), "those whose tokens have expired make room");
        let full = user.with_session_ended(Uuid::from_u128(100), later(now, 1), now);
        assert!(!full.accepts(kept), "rather too many sessions end than a row grows without end");
        assert!(full.ended_sessions.is_empty());
    }

    fn later(time: Timestamp, seconds: i64) -> Timestamp {
        time + jiff::SignedDuration::from_secs(seconds)
    }
}
