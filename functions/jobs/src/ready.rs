use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use peregrine_http::request::{Anyone, Valid};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::JobsState;

/// How long a dependency may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a dependency answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    /// It does.
    Ok,
    /// It does not, or not in time. The log says why.
    Unreachable,
}

/// The state of what the API depends on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ok` if all dependencies answer.
    status: Check,
    /// The tables.
    dynamodb: Check,
    /// The queues.
    sqs: Check,
}

/// Check what the API depends on.
///
/// Asks each dependency, with a short deadline. For monitoring; a load balancer asks `/health`, which touches none.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operations",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)),
)]
pub(crate) async fn check_readiness(
    State(state): State<JobsState>,
    Valid(Anyone, ()): Valid<Anyone, ()>,
) -> (StatusCode, Json<Readiness>) {
    let table = async { state.jobs.find(Uuid::nil(), state.clock.now()).await.map(drop) };
    let (dynamodb, sqs) = tokio::join!(check("dynamodb", table), check("sqs", state.jobs.queues().ping()));
    let is_ready = [dynamodb, sqs] == [Check::Ok; 2];
    let (code, status) =
        if is_ready { (StatusCode::OK, Check::Ok) } else { (StatusCode::SERVICE_UNAVAILABLE, Check::Unreachable) };
    (code, Json(Readiness { status, dynamodb, sqs }))
}

async fn check<E: std::fmt::Display>(dependency: &str, asking: impl Future<Output = Result<(), E>>) -> Check {
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(())) => Check::Ok,
        Ok(Err(error)) => {
            tracing::warn!(dependency, %error, "a dependency does not answer");
            Check::Unreachable
        }
        Err(_) => {
            tracing::warn!(dependency, "a dependency does not answer in time");
            Check::Unreachable
        }
    }
}
