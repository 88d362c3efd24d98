use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Address, User};
use crate::email::Email;
use crate::scope::Scopes;

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
