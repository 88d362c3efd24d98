//! The `items` Lambda function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    peregrine_core::telemetry::init();
    let state = items::ItemsState::from_env().await?;
    peregrine_http::service::run(items::routes().with_state(state).into()).await
}
