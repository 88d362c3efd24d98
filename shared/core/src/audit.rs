//! Security events: who did what to whose account, for admins to read.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::job::later;
use crate::random::Random;

/// How long an event can be read: a year.
pub const KEPT: std::time::Duration = std::time::Duration::from_hours(365 * 24);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "signed_in")]
pub enum AuditAction {
    /// Somebody signed up.
    SignedUp,
    /// Somebody signed in.
    SignedIn,
    /// A sign-in was refused: the password or the second factor was wrong, or the account is inactive or unknown.
    SignInRefused,
    /// A refresh token was used a second time, and its session ended.
    RefreshTokenReused,
    /// A session was ended.
    SessionEnded,
    /// All sessions were ended at once.
    AllSessionsEnded,
    /// The password was changed by who knows it, or by an admin.
    PasswordChanged,
    /// The password was reset by a link in a mail.
    PasswordReset,
    /// A link to reset the password was asked for.
    PasswordResetRequested,
    /// The email address was changed.
    EmailChanged,
    /// The email address was confirmed.
    EmailVerified,
    /// The username was changed.
    UsernameChanged,
    /// An admin changed the scopes.
    ScopesChanged,
    /// An admin deactivated the account.
    Deactivated,
    /// An admin activated the account again.
    Activated,
    /// The account was deleted.
    AccountDeleted,
    /// A second factor was set up.
    SecondFactorEnabled,
    /// The second factor was removed.
    SecondFactorDisabled,
    /// A recovery code was used in place of the second factor.
    RecoveryCodeUsed,
    /// New recovery codes took the place of the old ones.
    RecoveryCodesReplaced,
    /// An API key was created.
    ApiKeyCreated,
    /// An API key was deleted.
    ApiKeyDeleted,
    /// The key that access tokens are signed with was replaced.
    SigningKeyRotated,
}

/// A security event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Identifies the event. A `UUIDv7`: its time is the event's.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub action: AuditAction,
    /// Whose account it concerns. The nil UUID stands for an account that does not exist, or for the whole system.
    pub user_id: Uuid,
    /// Who did it, where that is known: an admin, or the user.
    pub actor_id: Option<Uuid>,
    /// From which address.
    pub address: IpAddr,
    /// More about it, without secrets, names and addresses of people: the id of a session or key, or the new scopes.
    pub detail: Option<String>,
}

impl AuditAction {
    /// All actions.
    pub const ALL: [Self; 23] = [
        Self::SignedUp,
        Self::SignedIn,
        Self::SignInRefused,
        Self::RefreshTokenReused,
        Self::SessionEnded,
        Self::AllSessionsEnded,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::PasswordResetRequested,
        Self::EmailChanged,
        Self::EmailVerified,
        Self::UsernameChanged,
        Self::ScopesChanged,
        Self::Deactivated,
        Self::Activated,
        Self::AccountDeleted,
        Self::SecondFactorEnabled,
        Self::SecondFactorDisabled,
        Self::RecoveryCodeUsed,
        Self::RecoveryCodesReplaced,
        Self::ApiKeyCreated,
        Self::ApiKeyDeleted,
        Self::SigningKeyRotated,
    ];

    /// The name, in answers and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedUp => "signed_up",
            Self::SignedIn => "signed_in",
            Self::SignInRefused => "sign_in_refused",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::SessionEnded => "session_ended",
            Self::AllSessionsEnded => "all_sessions_ended",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::EmailChanged => "email_changed",
            Self::EmailVerified => "email_verified",
            Self::UsernameChanged => "username_changed",
            Self::ScopesChanged => "scopes_changed",
            Self::Deactivated => "deactivated",
            Self::Activated => "activated",
            Self::AccountDeleted => "account_deleted",
            Self::SecondFactorEnabled => "second_factor_enabled",
            Self::SecondFactorDisabled => "second_factor_disabled",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::RecoveryCodesReplaced => "recovery_codes_replaced",
            Self::ApiKeyCreated => "api_key_created",
            Self::ApiKeyDeleted => "api_key_deleted",
            Self::SigningKeyRotated => "signing_key_rotated",
        }
    }
}

impl AuditEvent {
    /// An event of an account, done by its owner.
    pub fn new(action: AuditAction, user_id: Uuid, address: IpAddr, now: Timestamp, random: &Random) -> Self {
        Self { id: random.uuid(now), at: now, action, user_id, actor_id: Some(user_id), address, detail: None }
    }

    /// The same, done by somebody else, or by nobody who is known.
    #[must_use]
    pub fn by(self, actor_id: Option<Uuid>) -> Self {
        Self { actor_id, ..self }
    }

    /// The same, with more about it. Nothing secret, and no name or address of a person.
    #[must_use]
    pub fn about(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// When the event is forgotten.
    pub fn expires_at(&self) -> Timestamp {
        later(self.at, KEPT)
    }
}
