use axum::extract::State;
use peregrine_core::item::ItemView;
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::request::{Anyone, Valid};

use crate::ItemsState;
use crate::change::NOT_FOUND;
use crate::path::ItemPath;

/// Show an item.
///
/// The answer is strongly consistent: it shows every change that was answered before.
#[utoipa::path(
    get,
    path = "/api/v1/items/{item_id}",
    tag = "items",
    params(ItemPath),
    responses((status = 200, body = ItemView), (status = 404, body = Problem), (status = 422, body = Invalid)),
)]
pub(crate) async fn read_item(
    State(state): State<ItemsState>,
    Valid(Anyone, (Path(path),)): Valid<Anyone, (Path<ItemPath>,)>,
) -> Result<Tagged<ItemView>, ApiError> {
    let item = state.items.find(path.item_id).await?.ok_or(NOT_FOUND)?;
    Ok(Tagged(item.into()))
}
