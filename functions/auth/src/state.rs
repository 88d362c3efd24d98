use std::sync::Arc;

use peregrine_core::api_key::ApiKeyTexts;
use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::page::Cursors;
use peregrine_core::password::PasswordHasher;
use peregrine_core::random::Random;
use peregrine_core::session::RefreshTokens;
use peregrine_core::settings::Environment;
use peregrine_core::table::{
    ApiKeys, Attempts, Audit, Client, Jobs, Keys, OneTimeTokens, RateLimiter, SecondFactors, Sessions, Users,
};
use peregrine_core::token::SigningKeys;
use peregrine_core::totp::SecondFactorKeys;
use peregrine_http::caller::Authenticator;
use peregrine_http::idempotency::Idempotency;
use peregrine_http::promise::Promises;

use crate::first_admin::FirstAdminAccess;
use crate::signing::Signing;

/// What the operations of this function work with.
#[derive(Clone)]
pub struct AuthState {
    /// Who can sign in.
    pub users: Users,
    /// Mints the tokens.
    pub signing: Signing,
    /// What sign-ins have begun.
    pub sessions: Sessions,
    /// Makes and reads refresh tokens.
    pub refresh_tokens: RefreshTokens,
    /// The users' API keys.
    pub api_keys: ApiKeys,
    /// Makes the texts of API keys.
    pub api_key_texts: ApiKeyTexts,
    /// The users' second factors.
    pub second_factors: SecondFactors,
    /// The name of this deployment, which authenticator apps show.
    pub issuer: String,
    /// Counts attempts to sign in.
    pub attempts: Attempts,
    /// Keeps security events on record.
    pub audit: Audit,
    /// Promises mails.
    pub jobs: Jobs,
    /// Seals the positions in lists.
    pub cursors: Arc<Cursors>,
    /// Finds out who calls.
    pub authenticator: Authenticator,
    /// Verifies passwords.
    pub passwords: PasswordHasher,
    /// Who can sign in before anybody has signed up.
    pub first_admin: FirstAdminAccess,
    /// What the links in mails hold that are good for one use.
    pub one_time_tokens: OneTimeTokens,
    /// Makes promises.
    pub promises: Promises,
    /// Has requests done once.
    pub idempotency: Idempotency,
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
    /// Settings that are missing or malformed, among them those that have been read of `environment` before, a key
    /// table that is out of reach, or a signing secret that was replaced before.
    pub async fn from_env(mut environment: Environment) -> Result<Self, lambda_http::Error> {
        let config = AwsSettings::from_env(&mut environment).sdk_config();
        let users_table = environment.text("USERS_TABLE");
        let keys_table = environment.text("KEYS_TABLE");
        let credentials_table = environment.text("CREDENTIALS_TABLE");
        let one_time_tokens_table = environment.text("ONE_TIME_TOKENS_TABLE");
        let audit_table = environment.text("AUDIT_TABLE");
        let issuer = environment.text("TOKEN_ISSUER");
        let jobs = Jobs::from_env(&mut environment, &config);
        let signing_secret = environment.secret("SIGNING_SECRET", 32);
        let second_factor_secret = environment.secret("SECOND_FACTOR_SECRET", 32);
        let seal_secret = environment.secret("SEAL_SECRET", 32);
        let first_admin = FirstAdminAccess::from_env(&mut environment);
        let (clock, random, client) = (Clock::system(), Random::system(), Client::new(&config));
        let idempotency = Idempotency::from_env(&mut environment, &seal_secret, clock.clone());
        let limiter = RateLimiter::from_env(&mut environment, &client, clock.clone());
        let attempts = Attempts::from_env(&mut environment, client.clone());
        let users = Users::new(client.clone(), users_table);
        let authenticator =
            Authenticator::from_env(&mut environment, client.clone(), users.clone(), limiter.clone(), clock.clone());
        environment.finish()?;
        let first_admin = first_admin?;

        let keys = Keys::new(client.clone(), keys_table);
        let signing_keys = SigningKeys::new(&signing_secret);
        let second_factor_keys = SecondFactorKeys::new(&second_factor_secret, random.clone());
        Ok(Self {
            users,
            signing: Signing::start(keys, signing_keys, issuer.clone(), random.clone(), clock.now()).await?,
            sessions: Sessions::new(client.clone(), credentials_table.clone()),
            one_time_tokens: OneTimeTokens::new(client.clone(), one_time_tokens_table),
            promises: Promises::new(jobs.clone(), idempotency.clone()),
            api_keys: ApiKeys::new(client.clone(), credentials_table.clone()),
            api_key_texts: ApiKeyTexts::new(&seal_secret),
            second_factors: SecondFactors::new(client.clone(), credentials_table, second_factor_keys),
            issuer,
            refresh_tokens: RefreshTokens::new(&signing_secret),
            attempts,
            audit: Audit::new(client, audit_table),
            jobs,
            cursors: Arc::new(Cursors::new(&seal_secret)),
            authenticator,
            passwords: PasswordHasher::new(random.clone()),
            first_admin,
            idempotency,
            limiter,
            clock,
            random,
        })
    }
}

impl AsRef<Authenticator> for AuthState {
    fn as_ref(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl AsRef<RateLimiter> for AuthState {
    fn as_ref(&self) -> &RateLimiter {
        &self.limiter
    }
}
