use std::sync::Arc;

use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::page::Cursors;
use peregrine_core::password::PasswordHasher;
use peregrine_core::random::Random;
use peregrine_core::settings::Environment;
use peregrine_core::table::{Attempts, Audit, Client, Credentials, Jobs, OneTimeTokens, RateLimiter, Users};
use peregrine_core::user::FirstAdmin;
use peregrine_http::caller::Authenticator;
use peregrine_http::idempotency::Idempotency;
use peregrine_http::promise::Promises;

/// What the operations of this function work with.
#[derive(Clone)]
pub struct UsersState {
    /// The accounts.
    pub users: Users,
    /// What they have signed in with.
    pub credentials: Credentials,
    /// What the links hold that were mailed to them.
    pub one_time_tokens: OneTimeTokens,
    /// What is done for them afterwards.
    pub jobs: Jobs,
    /// Keeps security events on record.
    pub audit: Audit,
    /// Counts attempts to show the current password.
    pub attempts: Attempts,
    /// Makes promises.
    pub promises: Promises,
    /// Finds out who calls.
    pub authenticator: Authenticator,
    /// Hashes passwords.
    pub passwords: PasswordHasher,
    /// Whose names are kept from everybody else.
    pub first_admin: FirstAdmin,
    /// Seals the positions in lists.
    pub cursors: Arc<Cursors>,
    /// Counts requests.
    pub limiter: RateLimiter,
    /// Has requests done once.
    pub idempotency: Idempotency,
    /// The time.
    pub clock: Clock,
    /// Random bytes.
    pub random: Random,
}

impl UsersState {
    /// Reads the settings.
    ///
    /// # Errors
    /// Settings that are missing or malformed, among them those that have been read of `environment` before.
    pub async fn from_env(mut environment: Environment) -> Result<Self, lambda_http::Error> {
        let clock = Clock::system();
        let config = AwsSettings::from_env(&mut environment).sdk_config();
        let client = Client::new(&config);
        let jobs = Jobs::from_env(&mut environment, &config);
        let users = Users::new(client.clone(), environment.text("USERS_TABLE"));
        let credentials = Credentials::new(client.clone(), environment.text("CREDENTIALS_TABLE"));
        let one_time_tokens = OneTimeTokens::new(client.clone(), environment.text("ONE_TIME_TOKENS_TABLE"));
        let limiter = RateLimiter::from_env(&mut environment, &client, clock.clone());
        let attempts = Attempts::from_env(&mut environment, client.clone());
        let audit = Audit::new(client.clone(), environment.text("AUDIT_TABLE"));
        let authenticator =
            Authenticator::from_env(&mut environment, client, users.clone(), limiter.clone(), clock.clone());
        let seal_secret = environment.secret("SEAL_SECRET", 32);
        let idempotency = Idempotency::from_env(&mut environment, &seal_secret, clock.clone());
        let first_admin = FirstAdmin::from_env(&mut environment);
        environment.finish()?;
        let first_admin = first_admin?;

        users.connect().await;
        Ok(Self {
            promises: Promises::new(jobs.clone(), idempotency.clone()),
            users,
            credentials,
            one_time_tokens,
            jobs,
            audit,
            attempts,
            authenticator,
            passwords: PasswordHasher::new(Random::system()),
            first_admin,
            cursors: Arc::new(Cursors::new(&seal_secret)),
            limiter,
            idempotency,
            clock,
            random: Random::system(),
        })
    }
}

impl AsRef<Authenticator> for UsersState {
    fn as_ref(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl AsRef<RateLimiter> for UsersState {
    fn as_ref(&self) -> &RateLimiter {
        &self.limiter
    }
}
