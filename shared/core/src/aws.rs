//! Where AWS is, and the clients that talk to it.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, IdentityCache, Region, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
pub use aws_types::SdkConfig;

use crate::settings::Environment;

/// Where AWS is and who asks. Lambda sets all of it; the local cloud adds the address.
///
/// Read here instead of through `aws-config`, whose chain of providers costs a cold start about a millisecond and looks
/// in places that a function does not have.
#[derive(Debug, Clone)]
pub struct AwsSettings {
    region: String,
    endpoint: Option<String>,
    credentials: Credentials,
    /// How long an attempt of a call waits for its answer.
    patience: Duration,
}

/// How long a function waits for an answer of AWS, before it asks again.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long tests do: as long as a machine with much to do can take.
const PATIENCE_OF_TESTS: Duration = Duration::from_secs(30);

impl AwsSettings {
    /// Reads the variables that Lambda defines.
    pub fn from_env(environment: &mut Environment) -> Self {
        let region = environment.text("AWS_REGION");
        let key_id = environment.text("AWS_ACCESS_KEY_ID");
        let key = environment.text("AWS_SECRET_ACCESS_KEY");
        let session = environment.optional("AWS_SESSION_TOKEN");
        Self {
            region,
            endpoint: environment.optional("AWS_ENDPOINT_URL"),
            credentials: Credentials::new(key_id, key, session, None, "environment"),
            patience: PATIENCE,
        }
    }

    /// AWS at an address of one's own, for tests, which wait for it whatever else the machine does.
    pub fn at(endpoint: &str) -> Self {
        Self {
            region: "us-east-1".to_owned(),
            endpoint: Some(endpoint.to_owned()),
            credentials: Credentials::new("local", "local", None, None, "tests"),
            patience: PATIENCE_OF_TESTS,
        }
    }

    /// What clients are made from, sharing one pool of connections: `Client::new(&config)`. A function's call that is
    /// not answered within a second is tried again, up to three times in all, so that two calls in a row end before the
    /// function's own time does.
    pub fn sdk_config(&self) -> SdkConfig {
        let plain = self.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http:"));
        let http = if plain {
            aws_smithy_http_client::Builder::new().build_http()
        } else {
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(self.patience)
            .operation_timeout(self.patience * 3)
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50)))
            .timeout_config(timeouts)
            // The credentials never change, and a stalled answer is ended by the timeouts.
            .identity_cache(IdentityCache::no_cache())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(self.endpoint.clone());
        config.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_asks_again_after_a_second_and_gives_up_after_three() {
        let settings = AwsSettings::from_env(&mut Environment::from_fn(|name| Some(name.to_lowercase())));
        let config = settings.sdk_config();
        let timeouts = config.timeout_config().unwrap();
        let seconds = [timeouts.connect_timeout(), timeouts.operation_attempt_timeout(), timeouts.operation_timeout()];
        assert_eq!(seconds.map(|time| time.unwrap().as_secs()), [1, 1, 3]);
        assert_eq!(config.retry_config().unwrap().max_attempts(), 3);
    }
}
