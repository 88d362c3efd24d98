use std::sync::LazyLock;

use axum::response::Response;
use peregrine_http::request::{Anyone, Valid};
use peregrine_http::web_page::{Representation, ScriptedPage};

static PAGE: LazyLock<ScriptedPage> = LazyLock::new(|| {
    ScriptedPage::new("Sign in", include_str!("../pages/login.html"), include_str!("../pages/login.js"))
});

/// Show a page to sign in on.
///
/// It signs in with `POST /api/v1/token`, shows the account's sessions and ends them. The tokens are kept in the page's
/// memory and are gone with it.
#[utoipa::path(
    get,
    path = "/api/v1/login",
    tag = "auth",
    responses((status = 200, body = String, content_type = "text/html")),
)]
pub(crate) async fn show_login(_: Valid<Anyone, (Representation,)>) -> Response {
    PAGE.answer()
}
