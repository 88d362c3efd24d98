//! Accounts: sign-up, and what owners and admins do with them.

mod change;
mod circumstances;
mod confirm;
mod create;
mod delete;
mod events;
mod guides;
mod letters;
mod list;
mod me;
mod notify;
mod password;
mod read;
mod replace;
mod state;
mod update;

use peregrine_http::routes;
pub use state::UsersState;
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn routes() -> OpenApiRouter<UsersState> {
    OpenApiRouter::new()
        .routes(routes!(create::create_user, list::list_users))
        .routes(routes!(me::read_me, me::update_me, me::delete_me))
        .routes(routes!(password::change_password))
        .routes(routes!(guides::read_current_user))
        .routes(routes!(guides::read_protected))
        .routes(routes!(notify::notify_user))
        .routes(routes!(read::read_user, replace::replace_user, update::update_user, delete::delete_user))
}
