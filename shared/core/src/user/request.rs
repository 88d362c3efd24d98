//! What may be asked for of a user.

use secrecy::SecretString;
use utoipa::ToSchema;

use super::Address;
use crate::email::Email;
use crate::password::NewPassword;
use crate::scope::Scopes;
use crate::validation::{Change, Constraints, Enforces, Input, Report, Validate};

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

    pub(super) fn into_string(self) -> String {
        self.0
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
    /// The password as it is, if one's own `email`, `username` or `password` is to change. If it is sent, it must be
    /// right; where sign-in is hardened, it must be sent.
    #[schema(value_type = Option<String>, format = Password, example = "Passw0rd1")]
    pub current_password: Option<SecretString>,
    /// Whether the user may sign in. For admins only.
    #[schema(value_type = Option<bool>, example = true)]
    pub is_active: Change<bool>,
    /// What the user may do. For admins only.
    #[schema(value_type = Option<Scopes>)]
    pub scopes: Change<Scopes>,
}

impl UserPatch {
    /// Whether it changes what only an admin may change.
    pub fn needs_admin(&self) -> bool {
        self.is_active != Change::Keep || self.scopes != Change::Keep
    }

    /// Whether it names by what the user shows who they are.
    pub fn changes_sign_in(&self) -> bool {
        let is_named = matches!(self.email, Change::Set(_)) || matches!(self.username, Change::Set(_));
        is_named || matches!(self.password, Change::Set(_))
    }
}
