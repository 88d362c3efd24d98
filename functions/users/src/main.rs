//! The `users` Lambda function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    peregrine_core::telemetry::init();
    let state = users::UsersState::from_env().await?;
    peregrine_http::service::run(users::routes().with_state(state).into()).await
}
