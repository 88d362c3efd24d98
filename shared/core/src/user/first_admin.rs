use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{UniqueName, User};
use crate::email::{Email, EmailError};
use crate::random::Random;
use crate::scope::{Scope, Scopes};
use crate::settings::Environment;

/// The administrator who is there before anybody has signed up: created once, at the first sign-in with the configured
/// email and password. Its names are kept from whoever is no administrator.
#[derive(Debug, Clone)]
pub struct FirstAdmin {
    email: Email,
}

/// `FIRST_ADMIN_EMAIL` is no email address. The function must not start.
#[derive(Debug, thiserror::Error)]
#[error("the function can't start: FIRST_ADMIN_EMAIL is malformed: {0}. Set it in template.yaml, or in .env locally")]
pub struct FirstAdminError(#[from] EmailError);

impl FirstAdmin {
    /// The username of the first administrator.
    pub const USERNAME: &str = "admin";

    /// The administrator with this email.
    pub fn new(email: Email) -> Self {
        Self { email }
    }

    /// Reads `FIRST_ADMIN_EMAIL`. That it is missing stands in `environment`, which must be finished first.
    ///
    /// # Errors
    /// See [`FirstAdminError`].
    pub fn from_env(environment: &mut Environment) -> Result<Self, FirstAdminError> {
        Ok(Self::new(Email::parse(&environment.text("FIRST_ADMIN_EMAIL"))?))
    }

    /// Whether `name` is one that this administrator signs in with.
    pub fn answers_to(&self, name: &str) -> bool {
        let name = UniqueName::of(name);
        self.unique_names().contains(&name)
    }

    /// The names that are kept from everybody else.
    pub fn unique_names(&self) -> BTreeSet<UniqueName> {
        [self.email.as_str(), Self::USERNAME].into_iter().map(UniqueName::of).collect()
    }

    /// The administrator's account, as it is created. The address counts as verified: the operator has set it.
    pub fn account(&self, now: Timestamp, random: &Random) -> User {
        User {
            id: random.uuid(now),
            email: self.email.clone(),
            pending_email: None,
            username: Self::USERNAME.to_owned(),
            full_name: None,
            age: None,
            address: None,
            is_active: true,
            is_verified: true,
            scopes: Scopes::from_iter(Scope::ALL),
            has_second_factor: false,
            has_generated_password: true,
            session_epoch: 0,
            api_key_epoch: 0,
            ended_sessions: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}
