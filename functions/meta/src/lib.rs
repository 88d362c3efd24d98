//! Name, version and liveness of the API, and the answer to everything that no other function owns.

mod health;
mod root;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of this function.
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(root::read_root))
        .routes(routes!(health::read_health))
        .routes(routes!(health::read_health_under_prefix))
}
