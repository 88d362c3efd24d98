use axum::extract::State;
use peregrine_core::user::UserView;
use peregrine_http::caller::{Admin, Scoped};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::list::{Address, List, PageQuery};
use peregrine_http::parts::Query;
use peregrine_http::request::Valid;

use crate::UsersState;

/// The list's name, which its cursors are bound to.
const LIST: &str = "users";

/// List all users, the oldest first.
///
/// The list can lag behind by moments. The next page's address is in the `Link` header.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "users",
    params(PageQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, body = Vec<UserView>),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn list_users(
    State(state): State<UsersState>,
    address: Address,
    Valid(_admin, (Query(page),)): Valid<Scoped<Admin>, (Query<PageQuery>,)>,
) -> Result<List<UserView>, ApiError> {
    let users = state.users.list(&page.of_list(LIST, &state.cursors)?).await?;
    Ok(List::of(users, LIST, &state.cursors, &address))
}
