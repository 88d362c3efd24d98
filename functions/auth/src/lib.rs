//! Sign-in, sessions, credentials, forgotten passwords, the confirmation of addresses, the keys that tokens are signed
//! with, and the audit trail: the only function that can mint access tokens.

mod api_keys;
mod change_user;
mod claimant;
mod create_token;
mod first_admin;
mod forgot_password;
mod link;
mod list_audit_events;
mod notice;
mod read_key_set;
mod refresh_token;
mod request_verification;
mod reset_password;
mod revoke_token;
mod rotate_keys;
mod second_factor;
mod sessions;
mod show_login;
mod sign_in;
mod signing;
mod state;
mod token;
mod token_request;
mod verify_email;

pub use first_admin::FirstAdminAccess;
use peregrine_http::routes;
pub use signing::Signing;
pub use state::AuthState;
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn routes() -> OpenApiRouter<AuthState> {
    OpenApiRouter::new()
        .routes(routes!(create_token::create_token))
        .routes(routes!(refresh_token::refresh_token))
        .routes(routes!(revoke_token::revoke_token))
        .routes(routes!(sessions::list::list_sessions, sessions::end_all::end_my_sessions))
        .routes(routes!(sessions::end::end_session))
        .routes(routes!(sessions::end_all::end_users_sessions))
        .routes(routes!(list_audit_events::list_audit_events))
        .routes(routes!(api_keys::create::create_api_key, api_keys::list::list_api_keys))
        .routes(routes!(api_keys::delete::delete_api_key))
        .routes(routes!(second_factor::begin::begin_totp, second_factor::read::read_totp))
        .routes(routes!(second_factor::confirm::confirm_totp))
        .routes(routes!(second_factor::disable::disable_totp))
        .routes(routes!(second_factor::remove::remove_totp))
        .routes(routes!(second_factor::recovery_codes::replace_recovery_codes))
        .routes(routes!(verify_email::show_verification, verify_email::verify_email))
        .routes(routes!(read_key_set::read_key_set))
        .routes(routes!(rotate_keys::rotate_signing_keys))
        .routes(routes!(request_verification::request_verification))
        .routes(routes!(forgot_password::show_forgot_password, forgot_password::forgot_password))
        .routes(routes!(reset_password::show_password_reset, reset_password::reset_password))
        .routes(routes!(show_login::show_login))
}
