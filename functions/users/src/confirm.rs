use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::lockout::Contender;
use peregrine_core::table::SignIn;
use peregrine_core::user::User;
use peregrine_core::validation::masked;
use peregrine_http::caller::{REFUSED, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::ApiError;
use secrecy::SecretString;

use crate::UsersState;

impl UsersState {
    /// Has the caller show their current password, which the body's `field` says. Attempts that fail make the caller
    /// wait, so that who has found an unlocked computer can't guess on. The answer is the caller as stored when the
    /// password was theirs.
    ///
    /// # Errors
    /// 422 for a wrong password, 429 after too many, 401 if the caller's session has just ended.
    pub(crate) async fn confirm(
        &self,
        caller: &Scoped<UsersWrite>,
        client: &Client,
        password: SecretString,
        field: &'static str,
    ) -> Result<User, ApiError> {
        let (id, now) = (caller.user.id, self.clock.now());
        let contender = Contender::Password(id);
        // Counted before it is judged, and read with its hash, so that what is changed is the user whose password this
        // is.
        let ((), found) =
            tokio::try_join!(async { Ok::<_, ApiError>(self.attempts.begin(&contender, now).await?) }, async {
                Ok(self.users.find_for_sign_in(Some(id)).await?)
            },)?;
        let SignIn { user, password_hash } = found.ok_or(REFUSED)?;
        if caller.session.is_none_or(|session| !user.accepts(session)) {
            return Err(REFUSED);
        }
        if !self.passwords.verify(password, Some(password_hash)).await?.is_right() {
            let refused = AuditEvent::new(AuditAction::SignInRefused, id, client.address, now, &self.random);
            self.audit.insert(&refused.about("current password")).await?;
            return Err(ApiError::rule_broken(&["body", field], "The current password is wrong", masked()));
        }
        self.attempts.succeeded(&contender, now).await?;
        Ok(user)
    }
}
