//! What a caller may do (OAuth 2.0 scopes, RFC 6749 section 3.3).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::validation::{Constraints, Input, Report, Validate, one_of};

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
pub enum Scope {
    /// Read one's own account.
    #[serde(rename = "users:read")]
    UsersRead,
    /// Change and delete one's own account.
    #[serde(rename = "users:write")]
    UsersWrite,
    /// Read items. Items are public; the scope is there for clients that ask for it.
    #[serde(rename = "items:read")]
    ItemsRead,
    /// Create, change and delete one's own items.
    #[serde(rename = "items:write")]
    ItemsWrite,
    /// Send mail to any address.
    #[serde(rename = "notifications:send")]
    NotificationsSend,
    /// Everything, with everybody's accounts and items.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 6] =
        [Self::UsersRead, Self::UsersWrite, Self::ItemsRead, Self::ItemsWrite, Self::NotificationsSend, Self::Admin];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::ItemsRead => "items:read",
            Self::ItemsWrite => "items:write",
            Self::NotificationsSend => "notifications:send",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such scope")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

impl Validate for Scope {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        one_of(&Self::ALL, input, report)
    }
}

/// A set of scopes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(value_type = Vec<Scope>)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// What everybody who signs up may do.
    pub fn of_new_user() -> Self {
        Self::from_iter([Scope::UsersRead, Scope::UsersWrite, Scope::ItemsRead, Scope::ItemsWrite])
    }

    /// Whether `scope` is granted, by name or by [`Scope::Admin`], which implies all.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope) || self.0.contains(&Scope::Admin)
    }

    /// Those of these scopes that `granted` allows.
    #[must_use]
    pub fn granted_by(&self, granted: &Self) -> Self {
        self.iter().filter(|scope| granted.allow(*scope)).collect()
    }

    /// These scopes but this one.
    #[must_use]
    pub fn without(&self, scope: Scope) -> Self {
        self.iter().filter(|other| *other != scope).collect()
    }

    /// What these scopes of a user count for where administrators need a second factor and something is missing: an
    /// administrator's are then those of everybody, so that they can still set one up, or another password.
    #[must_use]
    pub fn without_second_factor(&self) -> Self {
        if !self.allow(Scope::Admin) {
            return self.clone();
        }
        Scope::ALL.into_iter().collect::<Self>().without(Scope::Admin).without(Scope::NotificationsSend)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }

    /// Reads a space-separated list, as tokens and token requests carry it. Unknown names are left out, which RFC 6749
    /// section 3.3 allows.
    pub fn parse_lenient(text: &str) -> Self {
        text.split(' ').filter_map(|name| name.parse().ok()).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// The space-separated list of RFC 6749.
impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Scope::as_str).collect();
        formatter.write_str(&names.join(" "))
    }
}

impl Validate for Scopes {
    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        Vec::<Scope>::validate(input, constraints, report).map(Self::from_iter)
    }
}
