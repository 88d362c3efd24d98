use axum::extract::State;
use peregrine_http::caller::{ItemsWrite, Scoped};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::precondition::{IfMatch, Precondition};
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;

use crate::ItemsState;
use crate::path::ItemPath;

/// Delete an item.
///
/// For the owner and for admins.
#[utoipa::path(
    delete,
    path = "/api/v1/items/{item_id}",
    tag = "items",
    params(ItemPath, IfMatch),
    security(("bearer" = ["items:write"])),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Invalid),
        (status = 428, body = Problem),
    ),
)]
pub(crate) async fn delete_item(
    State(state): State<ItemsState>,
    Valid(caller, (Path(path), precondition)): Valid<Scoped<ItemsWrite>, (Path<ItemPath>, Precondition)>,
) -> Result<NoContent, ApiError> {
    state.delete(&caller, path.item_id, &precondition).await?;
    Ok(NoContent)
}
