//! Name, version, liveness and documentation of the API, and the answer to everything that no other function owns.

mod document;
mod embedded;
mod health;
mod pages;
mod root;

use axum::routing::get;
use peregrine_http::routes;
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(root::read_root))
        .routes(routes!(health::read_health))
        .routes(routes!(health::read_health_under_prefix))
        .route("/openapi.json", get(document::read_document))
        .merge(pages::routes())
}
