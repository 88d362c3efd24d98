use axum::extract::State;
use peregrine_core::item::{Item, ItemView, NewItem};
use peregrine_http::caller::{ItemsWrite, Scoped};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Body;
use peregrine_http::request::Valid;
use peregrine_http::response::Created;

use crate::ItemsState;

/// Create an item that belongs to the caller.
#[utoipa::path(
    post,
    path = "/api/v1/items",
    tag = "items",
    request_body = NewItem,
    security(("bearer" = ["items:write"])),
    responses(
        (status = 201, body = ItemView, headers(("Location" = String, description = "Where the item is found"))),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn create_item(
    State(state): State<ItemsState>,
    Valid(caller, (Body(new),)): Valid<Scoped<ItemsWrite>, (Body<NewItem>,)>,
) -> Result<Created<ItemView>, ApiError> {
    let item = Item::new(caller.user.id, new, state.clock.now(), &state.random);
    state.items.insert(&item).await?;
    Ok(Created::at(format!("/api/v1/items/{}", item.id), item.into()))
}
