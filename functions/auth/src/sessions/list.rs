use axum::extract::State;
use jiff::Timestamp;
use peregrine_core::page::Page;
use peregrine_core::session::Session;
use peregrine_http::caller::{Scoped, UsersRead};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::list::{Address, List, PageQuery};
use peregrine_http::parts::Query;
use peregrine_http::request::Valid;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::AuthState;

/// A session as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Identifies the session.
    #[schema(example = "0198f3c4-12ab-7d10-9f3e-6b5a4c3d2e1f")]
    id: Uuid,
    /// When the user signed in.
    #[schema(example = "2026-01-31T12:00:00Z")]
    created_at: Timestamp,
    /// When its refresh token was last used, or when the user signed in.
    #[schema(example = "2026-01-31T12:00:00Z")]
    last_used_at: Timestamp,
    /// When it ends unless it is refreshed before.
    #[schema(example = "2026-02-14T12:00:00Z")]
    expires_at: Timestamp,
    /// The network address that the user signed in from.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// What the client called itself at the sign-in.
    #[schema(required = true, example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]
    user_agent: Option<String>,
    /// Whether the sign-in took a second factor.
    #[schema(example = false)]
    has_second_factor: bool,
    /// Whether it is the session of this request.
    #[schema(example = true)]
    is_current: bool,
}

/// The list's name, which its cursors are bound to.
const LIST: &str = "sessions";

/// List the caller's sessions, the newest first.
///
/// Every sign-in begins a session. It ends when it is ended, when its refresh token has not been used for 14 days, or
/// 90 days after the sign-in. Sessions that are over are passed over, so that a page can be short, even empty, while
/// there is a next one. The next page's address is in the `Link` header.
#[utoipa::path(
    get,
    path = "/api/v1/users/me/sessions",
    tag = "auth",
    params(PageQuery),
    security(("bearer" = ["users:read"])),
    responses(
        (status = 200, body = Vec<SessionView>),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn list_sessions(
    State(state): State<AuthState>,
    address: Address,
    Valid(caller, (Query(page),)): Valid<Scoped<UsersRead>, (Query<PageQuery>,)>,
) -> Result<List<SessionView>, ApiError> {
    let now = state.clock.now();
    let current = caller.session.map(|session| session.id);
    let list = format!("{LIST} of {}", caller.user.id);
    let Page { entries, next } = state.sessions.list(caller.user.id, &page.of_list(&list, &state.cursors)?).await?;
    let live = entries.into_iter().filter(|session| session.is_live(&caller.user, now));
    let views =
        live.map(|session| SessionView { is_current: current == Some(session.id), ..SessionView::from(session) });
    Ok(List::of(Page { entries: views.collect::<Vec<SessionView>>(), next }, &list, &state.cursors, &address))
}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.rotated_at,
            expires_at: session.expires_at(),
            address: session.address.to_string(),
            user_agent: session.user_agent,
            has_second_factor: session.has_second_factor,
            is_current: false,
        }
    }
}
