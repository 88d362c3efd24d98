//! Items: the entity to replace by your own.

mod change;
mod create;
mod delete;
mod list;
mod path;
mod read;
mod replace;
mod state;
mod update;

use peregrine_http::routes;
pub use state::ItemsState;
use utoipa_axum::router::OpenApiRouter;

/// The routes of this function.
pub fn routes() -> OpenApiRouter<ItemsState> {
    OpenApiRouter::new().routes(routes!(create::create_item, list::list_items)).routes(routes!(
        read::read_item,
        replace::replace_item,
        update::update_item,
        delete::delete_item
    ))
}
