use std::sync::Arc;

use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::page::Cursors;
use peregrine_core::random::Random;
use peregrine_core::settings::Environment;
use peregrine_core::table::{Client, ItemTables, Items, RateLimiter, Users};
use peregrine_http::caller::Authenticator;
use peregrine_http::idempotency::Idempotency;

/// What the operations of this function work with.
#[derive(Clone)]
pub struct ItemsState {
    /// The items.
    pub items: Items,
    /// Finds out who calls.
    pub authenticator: Authenticator,
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

impl ItemsState {
    /// Reads the settings.
    ///
    /// # Errors
    /// Settings that are missing or malformed, among them those that have been read of `environment` before.
    pub async fn from_env(mut environment: Environment) -> Result<Self, lambda_http::Error> {
        let clock = Clock::system();
        let client = Client::new(&AwsSettings::from_env(&mut environment).sdk_config());
        let tables = ItemTables { items: environment.text("ITEMS_TABLE"), terms: environment.text("ITEM_TERMS_TABLE") };
        let users = Users::new(client.clone(), environment.text("USERS_TABLE"));
        let limiter = RateLimiter::from_env(&mut environment, &client, clock.clone());
        let authenticator =
            Authenticator::from_env(&mut environment, client.clone(), users, limiter.clone(), clock.clone());
        let seal_secret = environment.secret("SEAL_SECRET", 32);
        let idempotency = Idempotency::from_env(&mut environment, &seal_secret, clock.clone());
        environment.finish()?;

        let items = Items::new(client, tables);
        items.connect().await;
        Ok(Self {
            items,
            authenticator,
            cursors: Arc::new(Cursors::new(&seal_secret)),
            limiter,
            idempotency,
            clock,
            random: Random::system(),
        })
    }
}

impl AsRef<Authenticator> for ItemsState {
    fn as_ref(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl AsRef<RateLimiter> for ItemsState {
    fn as_ref(&self) -> &RateLimiter {
        &self.limiter
    }
}
