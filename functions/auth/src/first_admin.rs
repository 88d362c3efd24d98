use peregrine_core::email::Email;
use peregrine_core::settings::Environment;
use peregrine_core::user::{FirstAdmin, FirstAdminError};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

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
        let hash = |text: &SecretString| digest(&SHA256, text.expose_secret().as_bytes());
        // Hashes compare in the same time wherever the passwords differ.
        let matches = hash(&self.password).as_ref() == hash(password).as_ref();
        (self.admin.answers_to(name) && matches).then_some(&self.admin)
    }
}
