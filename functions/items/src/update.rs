use axum::extract::State;
use peregrine_core::item::{ItemPatch, ItemView};
use peregrine_core::validation::Input;
use peregrine_http::caller::{ItemsWrite, Scoped};
use peregrine_http::entity_tag::Tagged;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::{Body, Path};
use peregrine_http::precondition::{IfMatch, Precondition};
use peregrine_http::request::Valid;

use crate::ItemsState;
use crate::path::ItemPath;

/// Change some of an item.
///
/// A JSON Merge Patch (RFC 7396): what is left out stays as it is. For the owner and for admins.
#[utoipa::path(
    patch,
    path = "/api/v1/items/{item_id}",
    tag = "items",
    params(ItemPath, IfMatch),
    request_body = ItemPatch,
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
pub(crate) async fn update_item(
    State(state): State<ItemsState>,
    Valid(caller, (Path(path), Body(patch), precondition)): Valid<
        Scoped<ItemsWrite>,
        (Path<ItemPath>, Body<ItemPatch>, Precondition),
    >,
) -> Result<Tagged<ItemView>, ApiError> {
    let now = state.clock.now();
    let change = state.change(&caller, path.item_id, &precondition, |item| {
        // The rule is about the item that would result, which the request does not show as a whole.
        item.patched_by(&patch, now).map_err(|reason| ApiError::rule_broken(&["body"], reason, Input::Null))
    });
    Ok(Tagged(change.await?.into()))
}
