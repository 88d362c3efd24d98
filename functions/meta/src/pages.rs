//! The two pages that show the API's document, and the files that they load.

use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use peregrine_http::encoding::Encoding;
use peregrine_http::error::ApiError;
use utoipa_axum::router::OpenApiRouter;

use crate::embedded::Embedded;

/// What a page may load and be loaded by (CSP level 3): nothing foreign, and no script but the files of this function.
macro_rules! policy {
    ($and_more:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; ",
            "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; ",
            "style-src 'self'",
            $and_more
        )
    };
}

const SWAGGER_UI_POLICY: &str = policy!("");
/// `ReDoc` makes two style elements, named by their hashes here: an empty one, whose rules come from its script, and
/// that of its scroll bar. Its search runs in a worker that it makes from a part of its script.
const REDOC_POLICY: &str = policy!(
    " 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' \
     'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; worker-src blob:"
);

macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        (
            concat!(env!("ASSETS"), "/", $name),
            Embedded { gzip: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")), content_type: $content_type },
        )
    };
}

/// Where the files are served, and what they are.
const ASSETS: [(&str, Embedded); 7] = [
    asset!("docs.js", "text/javascript; charset=utf-8"),
    asset!("favicon-32x32.png", "image/png"),
    asset!("pages.css", "text/css; charset=utf-8"),
    asset!("redoc.js", "text/javascript; charset=utf-8"),
    asset!("redoc.standalone.js", "text/javascript; charset=utf-8"),
    asset!("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    asset!("swagger-ui.css", "text/css; charset=utf-8"),
];

/// The pages and their files. They are no operations of the API, so the document does not name them.
pub(crate) fn routes() -> OpenApiRouter {
    let pages = OpenApiRouter::new().route("/docs", get(read_docs)).route("/redoc", get(read_redoc));
    ASSETS.into_iter().fold(pages, |routes, (path, file)| {
        routes.route(path, get(move |headers: HeaderMap| async move { asset(file, &headers) }))
    })
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

/// A file whose address changes with it.
fn asset(file: Embedded, headers: &HeaderMap) -> Result<Response, ApiError> {
    let answer = file.answer(Encoding::accepted(headers))?;
    Ok(([(CACHE_CONTROL, "public, max-age=31536000, immutable")], answer).into_response())
}
