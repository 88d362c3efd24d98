use std::sync::Arc;

use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::mail::links::MailLinks;
use peregrine_core::password::PasswordHasher;
use peregrine_core::random::Random;
use peregrine_core::settings::Environment;
use peregrine_core::table::{Client, Keys, RateLimiter, Users};
use peregrine_core::token::Signer;

use crate::first_admin::FirstAdminAccess;

/// What the operations of this function work with.
#[derive(Clone)]
pub struct AuthState {
    /// Who can sign in.
    pub users: Users,
    /// Mints the tokens.
    pub signer: Arc<Signer>,
    /// Verifies passwords.
    pub passwords: PasswordHasher,
    /// Who can sign in before anybody has signed up.
    pub first_admin: FirstAdminAccess,
    /// Opens the links in mails.
    pub links: MailLinks,
    /// Counts requests.
    pub limiter: RateLimiter,
    /// The time.
    pub clock: Clock,
    /// Random bytes.
    pub random: Random,
}

impl AuthState {
    /// Reads the settings and publishes the key that verifies this function's tokens. Both happen while Lambda
    /// initialises the function, and the call opens the connection to DynamoDB that the first sign-in then uses.
    ///
    /// # Errors
    /// Settings that are missing or malformed, among them those that have been read of `environment` before, or a key
    /// table that is out of reach.
    pub async fn from_env(mut environment: Environment) -> Result<Self, lambda_http::Error> {
        let aws = AwsSettings::from_env(&mut environment);
        let users_table = environment.text("USERS_TABLE");
        let keys_table = environment.text("KEYS_TABLE");
        let issuer = environment.text("TOKEN_ISSUER");
        let signing_secret = environment.secret("SIGNING_SECRET", 32);
        let seal_secret = environment.secret("SEAL_SECRET", 32);
        let first_admin = FirstAdminAccess::from_env(&mut environment);
        let (clock, random, client) = (Clock::system(), Random::system(), Client::new(&aws.sdk_config()));
        let limiter = RateLimiter::from_env(&mut environment, client.clone(), clock.clone());
        environment.finish()?;

        let signer = Signer::new(&signing_secret, issuer, random.clone())?;
        Keys::new(client.clone(), keys_table).publish(signer.public_key()).await?;
        Ok(Self {
            users: Users::new(client, users_table),
            signer: Arc::new(signer),
            passwords: PasswordHasher::new(random.clone()),
            first_admin: first_admin?,
            links: MailLinks::new(&seal_secret),
            limiter,
            clock,
            random,
        })
    }
}

impl AsRef<RateLimiter> for AuthState {
    fn as_ref(&self) -> &RateLimiter {
        &self.limiter
    }
}
