use axum::extract::State;
use peregrine_core::item::{Item, ItemView, NewItem};
use peregrine_core::table::InsertItemError;
use peregrine_http::caller::{ItemsWrite, Scoped};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::idempotency::{IdempotencyHeader, IdempotencyKey};
use peregrine_http::parts::Body;
use peregrine_http::request::Valid;
use peregrine_http::response::Created;

use crate::ItemsState;

/// Create an item that belongs to the caller.
///
/// The price is exact: it comes back with the value that it was sent with, as a JSON number.
#[utoipa::path(
    post,
    path = "/api/v1/items",
    tag = "items",
    params(IdempotencyHeader),
    request_body = NewItem,
    security(("bearer" = ["items:write"])),
    responses(
        (status = 201, body = ItemView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn create_item(
    State(state): State<ItemsState>,
    Valid(caller, (key, Body(new))): Valid<Scoped<ItemsWrite>, (IdempotencyKey, Body<NewItem>)>,
) -> Result<Created, ApiError> {
    let item = Item::new(caller.user.id, new, state.clock.now(), &state.random);
    let created = Created::at(format!("/api/v1/items/{}", item.id), &ItemView::from(item.clone()))?;
    let once = state.idempotency.once(key, Some(caller.user.id), &created);
    match state.items.insert(&item, once.as_ref()).await {
        Ok(()) => Ok(created),
        Err(InsertItemError::KeyUsed(used)) => Created::again(used),
        Err(InsertItemError::Table(error)) => Err(error.into()),
    }
}
