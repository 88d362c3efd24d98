//! The two pages that show the API's document, and the files that they load.

use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use peregrine_http::error::ApiError;
use utoipa_axum::router::OpenApiRouter;

use crate::embedded::Embedded;
use crate::encoding::Encoding;

const SWAGGER_UI_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        (
            concat!(env!("ASSETS"), "/", $name),
            Embedded { gzip: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")), content_type: $content_type },
        )
    };
}

/// Where the files are served, and what they are.
const ASSETS: [(&str, Embedded); 6] = [
    asset!("docs.js", "text/javascript; charset=utf-8"),
    asset!("favicon-32x32.png", "image/png"),
    asset!("redoc.js", "text/javascript; charset=utf-8"),
    asset!("redoc.standalone.js", "text/javascript; charset=utf-8"),
    asset!("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    asset!("swagger-ui.css", "text/css; charset=utf-8"),
];

/// The pages and their files. They are no operations of the API, so the document does not name them.
pub(crate) fn routes() -> OpenApiRouter {
    let pages = OpenApiRouter::new().route("/docs", get(read_docs)).route("/redoc", get(read_redoc));
    ASSETS
        .into_iter()
        .fold(pages, |routes, (path, file)| routes.route(path, get(move |headers| read_asset(file, headers))))
}

/// Swagger UI.
async fn read_docs() -> impl IntoResponse {
    page(SWAGGER_UI_POLICY, include_str!(concat!(env!("OUT_DIR"), "/docs.html")))
}

/// `ReDoc`.
async fn read_redoc() -> impl IntoResponse {
    page(REDOC_POLICY, include_str!(concat!(env!("OUT_DIR"), "/redoc.html")))
}

/// A page names the files of its own version, so it is asked for anew each time; they stay.
fn page(policy: &'static str, html: &'static str) -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, policy), (CACHE_CONTROL, "no-cache")], Html(html))
}

async fn read_asset(file: Embedded, headers: HeaderMap) -> Result<impl IntoResponse, ApiError> {
    let answer = file.answer(Encoding::accepted(&headers))?;
    Ok(([(CACHE_CONTROL, "public, max-age=31536000, immutable")], answer))
}
