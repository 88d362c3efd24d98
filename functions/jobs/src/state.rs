use std::sync::Arc;

use axum::extract::FromRef;
use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::mail::links::MailLinks;
use peregrine_core::outbound::OutboundRules;
use peregrine_core::page::Cursors;
use peregrine_core::random::Random;
use peregrine_core::settings::Environment;
use peregrine_core::table::{Client, Jobs, RateLimiter, Suppressions, Users};
use peregrine_core::webhook::WebhookSecrets;
use peregrine_http::caller::Authenticator;
use peregrine_http::idempotency::Idempotency;
use peregrine_http::promise::Promises;

/// What the operations of this function work with.
#[derive(Clone)]
pub struct JobsState {
    /// The jobs.
    pub jobs: Jobs,
    /// The addresses that get no mail.
    pub suppressions: Suppressions,
    /// Opens the links in mails.
    pub links: MailLinks,
    /// Finds out who calls.
    pub authenticator: Authenticator,
    /// Seals the positions in lists.
    pub cursors: Arc<Cursors>,
    /// Counts requests.
    pub limiter: RateLimiter,
    /// Makes promises.
    pub promises: Promises,
    /// Where webhooks may go.
    pub outbound: OutboundRules,
    /// What webhooks are signed with.
    pub webhook_secrets: WebhookSecrets,
    /// The time.
    pub clock: Clock,
    /// Random bytes.
    pub random: Random,
}

impl JobsState {
    /// Reads the settings.
    ///
    /// # Errors
    /// Settings that are missing or malformed, among them those that have been read of `environment` before.
    pub async fn from_env(mut environment: Environment) -> Result<Self, lambda_http::Error> {
        let clock = Clock::system();
        let config = AwsSettings::from_env(&mut environment).sdk_config();
        let client = Client::new(&config);
        let jobs = Jobs::from_env(&mut environment, &config);
        let suppressions = Suppressions::new(client.clone(), environment.text("SUPPRESSION_TABLE"));
        let users = Users::new(client.clone(), environment.text("USERS_TABLE"));
        let limiter = RateLimiter::from_env(&mut environment, &client, clock.clone());
        let authenticator = Authenticator::from_env(&mut environment, client, users, limiter.clone(), clock.clone());
        let seal_secret = environment.secret("SEAL_SECRET", 32);
        let idempotency = Idempotency::from_env(&mut environment, &seal_secret, clock.clone());
        let outbound = OutboundRules::from_env(&mut environment).https_only();
        environment.finish()?;

        jobs.connect().await;
        Ok(Self {
            promises: Promises::new(jobs.clone(), idempotency),
            jobs,
            suppressions,
            links: MailLinks::new(&seal_secret),
            authenticator,
            cursors: Arc::new(Cursors::new(&seal_secret)),
            outbound,
            webhook_secrets: WebhookSecrets::new(&seal_secret),
            limiter,
            clock,
            random: Random::system(),
        })
    }
}

impl AsRef<Authenticator> for JobsState {
    fn as_ref(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl AsRef<RateLimiter> for JobsState {
    fn as_ref(&self) -> &RateLimiter {
        &self.limiter
    }
}

impl FromRef<JobsState> for WebhookSecrets {
    fn from_ref(state: &JobsState) -> Self {
        state.webhook_secrets.clone()
    }
}
