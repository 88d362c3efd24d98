//! The `mail-events` Lambda function.

use aws_lambda_events::sns::SnsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use mail_events::MailEvents;
use peregrine_core::settings::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    peregrine_core::telemetry::init();
    let events = &MailEvents::from_env(Environment::process())?;
    let handle = |event: LambdaEvent<SnsEvent>| async move {
        events.handle(event.payload).await?;
        Ok::<_, Error>(())
    };
    lambda_runtime::run(service_fn(handle)).await
}
