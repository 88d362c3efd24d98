//! The `email-worker` Lambda function.

use email_worker::EmailWork;
use peregrine_core::aws::AwsSettings;
use peregrine_core::settings::Environment;
use peregrine_worker::Worker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    peregrine_core::telemetry::init();
    let mut environment = Environment::process();
    let config = AwsSettings::from_env(&mut environment).sdk_config();
    let work = EmailWork::from_env(&mut environment, &config);
    let worker = Worker::from_env(&mut environment, &config);
    environment.finish()?;
    worker.run(work).await
}
