use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// Liveness.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `healthy`, or there would be no answer.
    #[schema(example = "healthy")]
    status: &'static str,
}

/// Liveness.
///
/// Nothing that the API depends on is touched: it answers while the database does not.
#[utoipa::path(get, path = "/health", tag = "meta", responses((status = 200, body = Health)))]
pub(crate) async fn read_health() -> Json<Health> {
    Json(Health { status: "healthy" })
}

/// Liveness, where the FastAPI guides have it.
///
/// The same as `GET /health`.
#[utoipa::path(get, path = "/api/v1/health", tag = "meta", responses((status = 200, body = Health)))]
pub(crate) async fn read_health_under_prefix() -> Json<Health> {
    read_health().await
}
