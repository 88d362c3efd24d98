//! The `meta` Lambda function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    peregrine_core::telemetry::init();
    peregrine_http::service::run(meta::routes().into()).await
}
