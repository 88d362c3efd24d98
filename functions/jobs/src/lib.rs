//! Background work as its owners and admins see it, and the mail that may be asked for.

mod cancel;
mod change;
mod list;
mod notify;
mod path;
mod read;
mod ready;
mod retry;
mod retry_all;
mod state;
mod suppressions;
mod unsubscribe;
mod webhook_secret;

use peregrine_http::routes;
pub use state::JobsState;
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn routes() -> OpenApiRouter<JobsState> {
    OpenApiRouter::new()
        .routes(routes!(notify::create_notification))
        .routes(routes!(notify::send_notification))
        .routes(routes!(list::list_jobs))
        .routes(routes!(retry_all::retry_jobs))
        .routes(routes!(read::read_job, cancel::cancel_job))
        .routes(routes!(retry::retry_job))
        .routes(routes!(suppressions::read_suppression, suppressions::lift_suppression))
        .routes(routes!(unsubscribe::show_unsubscription, unsubscribe::unsubscribe))
        .routes(routes!(webhook_secret::read_webhook_secret))
        .routes(routes!(ready::check_readiness))
}
