//! Users: what is known of them, what may be asked for, and what becomes of them by it.

mod change;
mod first_admin;
mod request;
mod unique_name;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::email::Email;
use crate::random::Random;
use crate::scope::Scopes;
use crate::session::SessionRef;
use crate::validation::{Rules, Validate};

pub use first_admin::{FirstAdmin, FirstAdminError};
pub use request::{NewUser, PasswordChange, UserPatch, Username};
pub use unique_name::UniqueName;
pub use view::UserView;

/// A user. The password's hash is not part of it: it is read only where a password is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of one another")]
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
    /// Whether the password is the one that was generated for the first administrator, which others may have read.
    pub has_generated_password: bool,
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
            has_generated_password: false,
            session_epoch: 0,
            api_key_epoch: 0,
            ended_sessions: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
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

    /// What `scopes` of the user's count for where sign-in is hardened, by a credential that a second factor stands
    /// behind or not. Nobody is an administrator by a password alone, nor as long as it is the generated one.
    pub fn where_hardened(&self, scopes: &Scopes, by_second_factor: bool) -> Scopes {
        let is_full = by_second_factor && !self.has_generated_password;
        if is_full { scopes.clone() } else { scopes.without_second_factor() }
    }

    /// Whether what a session's access token asks for may be done: the user is active and the session goes on.
    pub fn accepts(&self, session: SessionRef) -> bool {
        self.is_active && session.epoch == self.session_epoch && !self.ended_sessions.contains_key(&session.id)
    }

    /// The names that nobody else may have.
    pub fn unique_names(&self) -> BTreeSet<UniqueName> {
        [self.email.as_str(), &self.username].into_iter().map(UniqueName::of).collect()
    }
}
