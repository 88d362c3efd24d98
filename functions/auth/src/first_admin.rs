use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::email::Email;
use peregrine_core::settings::Environment;
use peregrine_core::table::{Also, InsertUserError, UserWithHash};
use peregrine_core::user::{FirstAdmin, FirstAdminError, UniqueName, User};
use peregrine_http::client::Client;
use peregrine_http::error::ApiError;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use crate::AuthState;

/// The first administrator and the configured password.
#[derive(Debug, Clone)]
pub struct FirstAdminAccess {
    admin: FirstAdmin,
    password: SecretString,
}

impl FirstAdminAccess {
    /// The administrator with this email and password.
    pub fn new(email: Email, password: SecretString) -> Self {
        Self { admin: FirstAdmin::new(email), password }
    }

    /// Reads `FIRST_ADMIN_EMAIL` and `FIRST_ADMIN_PASSWORD`.
    ///
    /// # Errors
    /// See [`FirstAdmin::from_env`].
    pub fn from_env(environment: &mut Environment) -> Result<Self, FirstAdminError> {
        let admin = FirstAdmin::from_env(environment);
        let password = environment.secret("FIRST_ADMIN_PASSWORD", 8);
        Ok(Self { admin: admin?, password })
    }

    /// The administrator, if that is who signs in with this name and password.
    pub fn verify(&self, name: &str, password: &SecretString) -> Option<&FirstAdmin> {
        let is_configured = self.is_configured(password);
        (self.admin.answers_to(name) && is_configured).then_some(&self.admin)
    }

    /// Whether it is the configured password.
    pub fn is_configured(&self, password: &SecretString) -> bool {
        let hash = |text: &SecretString| digest(&SHA256, text.expose_secret().as_bytes());
        // Hashes compare in the same time wherever the passwords differ.
        hash(&self.password).as_ref() == hash(password).as_ref()
    }

    /// Whether this name is kept for the administrator.
    pub fn answers_to(&self, name: &str) -> bool {
        self.admin.answers_to(name)
    }
}

impl AuthState {
    /// Creates the first administrator's account, once and for all. If another sign-in has just done so, that account
    /// is the one; if it has been renamed or deleted since, there is none.
    pub(crate) async fn create_first_admin(
        &self,
        name: &str,
        account: User,
        password: SecretString,
        client: &Client,
    ) -> Result<Option<UserWithHash>, ApiError> {
        let password_hash = self.passwords.hash(password).await?;
        let (action, now) = (AuditAction::SignedUp, self.clock.now());
        let event = AuditEvent::new(action, account.id, client.address, now, &self.random).about("first administrator");
        let also = Also::nothing().and(self.audit.record(&event));
        match self.users.insert_first_admin(&account, &password_hash, &also).await {
            Ok(()) => {
                tracing::info!(user_id = %account.id, "created the first administrator");
                Ok(Some(UserWithHash { user: account, password_hash }))
            }
            Err(InsertUserError::NameTaken(_) | InsertUserError::KeyUsed(_)) => {
                match self.users.id_of(&UniqueName::of(name)).await? {
                    None => Ok(None),
                    id => Ok(self.users.find_with_hash(id).await?),
                }
            }
            Err(InsertUserError::Table(error)) => Err(error.into()),
        }
    }
}
