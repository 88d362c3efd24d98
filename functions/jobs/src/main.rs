//! The `jobs` Lambda function.

use peregrine_core::clock::Clock;
use peregrine_core::settings::Environment;
use peregrine_http::edge::Edge;
use peregrine_http::service;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    peregrine_core::telemetry::init();
    let mut environment = Environment::process();
    let edge = Edge::from_env(&mut environment, Clock::system());
    let state = jobs::JobsState::from_env(environment).await?;
    service::run(jobs::routes().with_state(state).into(), edge).await
}
