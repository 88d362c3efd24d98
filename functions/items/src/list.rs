use axum::extract::State;
use peregrine_core::item::{ItemFilter, ItemView};
use peregrine_core::validation::Validate;
use peregrine_http::error::{ApiError, Invalid};
use peregrine_http::list::{Address, List, PageQuery};
use peregrine_http::parts::Query;
use peregrine_http::request::{Anyone, Valid};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::ItemsState;

/// Which items a list shows.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemQuery {
    /// The beginning of a word of the name. A word is a run of three or more letters and digits; case does not matter.
    #[param(min_length = 3, max_length = 50, pattern = "^[a-zA-Z0-9]+$")]
    q: Option<String>,
    /// Tags that all must be there. Case matters.
    #[param(required = false)]
    tags: Vec<String>,
    /// The owner's id.
    owner: Option<Uuid>,
}

impl From<ItemQuery> for ItemFilter {
    fn from(query: ItemQuery) -> Self {
        Self { word: query.q.map(|q| q.to_ascii_lowercase()), tags: query.tags, owner_id: query.owner }
    }
}

/// List items.
///
/// Without a filter the oldest come first; items found by word are in the order of the words. The list can lag behind
/// by moments. The next page's address is in the `Link` header. A filtered page looks at 500 candidates at most: it can
/// be short, even empty, while there is a next one.
#[utoipa::path(
    get,
    path = "/api/v1/items",
    tag = "items",
    params(PageQuery, ItemQuery),
    responses(
        (status = 200, body = Vec<ItemView>),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn list_items(
    State(state): State<ItemsState>,
    address: Address,
    Valid(Anyone, (Query(page), Query(query))): Valid<Anyone, (Query<PageQuery>, Query<ItemQuery>)>,
) -> Result<List<ItemView>, ApiError> {
    let filter = ItemFilter::from(query);
    let list = filter.list_name();
    let items = state.items.list(&filter, &page.of_list(&list, &state.cursors)?).await?;
    Ok(List::of(items, &list, &state.cursors, &address))
}
