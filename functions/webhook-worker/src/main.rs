//! The `webhook-worker` Lambda function.

use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::outbound::OutboundRules;
use peregrine_core::settings::Environment;
use peregrine_core::webhook::WebhookSecrets;
use peregrine_worker::Worker;
use webhook_worker::WebhookWork;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    peregrine_core::telemetry::init();
    let mut environment = Environment::process();
    let config = AwsSettings::from_env(&mut environment).sdk_config();
    let worker = Worker::from_env(&mut environment, &config);
    let secrets = WebhookSecrets::new(&environment.secret("SEAL_SECRET", 32));
    let rules = OutboundRules::from_env(&mut environment);
    environment.finish()?;
    worker.run(WebhookWork::new(secrets, rules, Clock::system())?).await
}
