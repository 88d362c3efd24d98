use axum::extract::State;
use peregrine_core::item::{ItemView, NewItem};
use peregrine_http::caller::{ItemsWrite, Scoped};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::{Body, Path};
use peregrine_http::precondition::{IfMatch, Precondition};
use peregrine_http::request::Valid;

use crate::ItemsState;
use crate::path::ItemPath;

/// Replace all that the owner sets of an item.
///
/// What is left out is emptied. For the owner and for admins.
#[utoipa::path(
    put,
    path = "/api/v1/items/{item_id}",
    tag = "items",
    params(ItemPath, IfMatch),
    request_body = NewItem,
    security(("bearer" = ["items:write"])),
    responses(
        (status = 200, body = ItemView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
        (status = 428, body = Problem),
    ),
)]
pub(crate) async fn replace_item(
    State(state): State<ItemsState>,
    Valid(caller, (Path(path), Body(new), precondition)): Valid<
        Scoped<ItemsWrite>,
        (Path<ItemPath>, Body<NewItem>, Precondition),
    >,
) -> Result<Tagged<ItemView>, ApiError> {
    let now = state.clock.now();
    let item = state.change(&caller, path.item_id, &precondition, |item| Ok(item.replaced_by(&new, now))).await?;
    Ok(Tagged(item.into()))
}
