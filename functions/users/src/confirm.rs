use jiff::Timestamp;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::lockout::Contender;
use peregrine_core::table::Write;
use peregrine_core::validation::masked;
use peregrine_http::caller::{PasswordHash, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::ApiError;
use secrecy::SecretString;

use crate::UsersState;

/// Who changes an account: somebody who can be asked for their current password.
pub(crate) type Changer = Scoped<UsersWrite, PasswordHash>;

/// The caller has shown their current password. The attempts before are forgotten with whatever it was shown for.
pub(crate) struct Confirmation {
    contender: Contender,
    at: Timestamp,
}

impl UsersState {
    /// Has the caller show their current password, which the body's `field` says. Attempts that fail make the caller
    /// wait, so that who has found an unlocked computer can't guess on.
    ///
    /// # Errors
    /// 422 for a wrong password, 429 after too many.
    pub(crate) async fn confirm(
        &self,
        caller: &Changer,
        client: &Client,
        password: SecretString,
        field: &'static str,
    ) -> Result<Confirmation, ApiError> {
        let (contender, at) = (Contender::Password(caller.user.id), self.clock.now());
        self.attempts.begin(&contender, at).await?;
        let hash = caller.projection.expose().to_owned();
        if !self.passwords.verify(password, Some(hash)).await?.is_right() {
            let refused = AuditEvent::new(AuditAction::SignInRefused, caller.user.id, client.address, at, &self.random);
            self.audit.insert(&refused.about("current password")).await?;
            return Err(ApiError::rule_broken(&["body", field], "The current password is wrong", masked()));
        }
        Ok(Confirmation { contender, at })
    }

    /// Forgets the attempts before, in the transaction of the change.
    pub(crate) fn confirmed(&self, confirmation: &Confirmation) -> Write {
        self.attempts.forgetting(&confirmation.contender, confirmation.at)
    }

    /// Forgets the attempts before where the change has failed: the password was right.
    pub(crate) async fn confirmed_in_vain(&self, confirmation: &Confirmation) {
        self.attempts.forget(&confirmation.contender, confirmation.at).await;
    }
}
