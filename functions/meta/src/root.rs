use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// What answers here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct About {
    /// The API's name.
    #[schema(example = "Peregrine")]
    name: &'static str,
    /// The version of the deployed code.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Name and version of the API.
///
/// It tells which code is deployed, without a look into the account.
#[utoipa::path(get, path = "/", tag = "meta", responses((status = 200, body = About)))]
pub(crate) async fn read_root() -> Json<About> {
    Json(About { name: "Peregrine", version: env!("CARGO_PKG_VERSION") })
}
