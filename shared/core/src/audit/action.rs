use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::validation::{Constraints, Input, Report, Validate, one_of};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "signed_in")]
pub enum AuditAction {
    /// Somebody signed up.
    SignedUp,
    /// Somebody signed up with an address that has an account, which they are not told. The user is the one that would
    /// have been.
    SignUpRefused,
    /// Somebody signed in.
    SignedIn,
    /// A sign-in was refused: the password or the code was wrong or missing, or the account is inactive or unknown; or
    /// a wrong password or code was shown before a change.
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

/// The text names no action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such action")]
pub struct UnknownAction;

macro_rules! names {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        impl AuditAction {
            /// All actions.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name, in answers and rows.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    };
}

names! {
    SignedUp = "signed_up",
    SignUpRefused = "sign_up_refused",
    SignedIn = "signed_in",
    SignInRefused = "sign_in_refused",
    RefreshTokenReused = "refresh_token_reused",
    SessionEnded = "session_ended",
    AllSessionsEnded = "all_sessions_ended",
    PasswordChanged = "password_changed",
    PasswordReset = "password_reset",
    PasswordResetRequested = "password_reset_requested",
    EmailChanged = "email_changed",
    EmailVerified = "email_verified",
    UsernameChanged = "username_changed",
    ScopesChanged = "scopes_changed",
    Deactivated = "deactivated",
    Activated = "activated",
    AccountDeleted = "account_deleted",
    SecondFactorEnabled = "second_factor_enabled",
    SecondFactorDisabled = "second_factor_disabled",
    RecoveryCodeUsed = "recovery_code_used",
    RecoveryCodesReplaced = "recovery_codes_replaced",
    ApiKeyCreated = "api_key_created",
    ApiKeyDeleted = "api_key_deleted",
    SigningKeyRotated = "signing_key_rotated",
}

impl fmt::Display for AuditAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for AuditAction {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

impl Validate for AuditAction {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        one_of(&Self::ALL, input, report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_one_name_in_rows_and_in_answers() {
        for action in AuditAction::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
            assert_eq!(action.as_str().parse(), Ok(action));
        }
    }
}
