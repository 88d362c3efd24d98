//! The `relay` Lambda function.

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use peregrine_core::settings::Environment;
use relay::Relay;
use serde_json::Value;

/// What a run may use of the function's `Timeout`, so that it ends in order.
const BUDGET: Duration = Duration::from_secs(40);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    peregrine_core::telemetry::init();
    let relay = Relay::from_env(Environment::process())?;
    let run = |_: LambdaEvent<Value>| async {
        let report = relay.run(BUDGET).await.inspect_err(|error| tracing::error!(%error, "the run ended early"))?;
        tracing::info!(sent = report.sent, refused = report.refused, "run");
        Ok::<_, Error>(report)
    };
    lambda_runtime::run(service_fn(run)).await
}
