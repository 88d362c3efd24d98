//! Sign-in, and the confirmation of addresses: the only function that can mint access tokens.

mod create_token;
mod first_admin;
mod state;
mod verify_email;

pub use first_admin::FirstAdminAccess;
pub use state::AuthState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of this function.
pub fn routes() -> OpenApiRouter<AuthState> {
    OpenApiRouter::new()
        .routes(routes!(create_token::create_token))
        .routes(routes!(verify_email::show_verification, verify_email::verify_email))
}
