use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::table::Also;
use peregrine_core::user::User;
use peregrine_http::caller::{Admin, Interactive, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Path;
use peregrine_http::request::Valid;
use peregrine_http::response::NoContent;
use peregrine_http::user_path::{USER_NOT_FOUND, UserPath};
use uuid::Uuid;

use crate::AuthState;
use crate::change_user::UserChange;

/// End all of the caller's sessions, this one included.
///
/// Access tokens and refresh tokens of all of them are accepted no more from then on. API keys stay.
#[utoipa::path(
    delete,
    path = "/api/v1/users/me/sessions",
    tag = "auth",
    security(("session" = ["users:write"])),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
    ),
)]
pub(crate) async fn end_my_sessions(
    State(state): State<AuthState>,
    Valid(caller, (client,)): Valid<Interactive<Scoped<UsersWrite>>, (Client,)>,
) -> Result<NoContent, ApiError> {
    let user = caller.user().clone();
    let actor_id = user.id;
    state.end_all_sessions(user, actor_id, &client).await
}

/// End all sessions of a user.
///
/// For admins. Access tokens and refresh tokens of all of them are accepted no more from then on. API keys stay.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{user_id}/sessions",
    tag = "auth",
    params(UserPath),
    security(("session" = ["admin"])),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn end_users_sessions(
    State(state): State<AuthState>,
    Valid(admin, (Path(path), client)): Valid<Interactive<Scoped<Admin>>, (Path<UserPath>, Client)>,
) -> Result<NoContent, ApiError> {
    let user = state.users.find(path.user_id).await?.ok_or(USER_NOT_FOUND)?;
    state.end_all_sessions(user, admin.user().id, &client).await
}

impl AuthState {
    async fn end_all_sessions(&self, user: User, actor_id: Uuid, client: &Client) -> Result<NoContent, ApiError> {
        let event =
            AuditEvent::new(AuditAction::AllSessionsEnded, user.id, client.address, self.clock.now(), &self.random)
                .by(Some(actor_id));
        let also = Also::nothing().and(self.audit.record(&event));
        let change = |user: &User| Ok(Some(UserChange::to(user.with_all_sessions_ended(), also.clone())));
        // Whoever is gone meanwhile has no sessions either.
        self.change_user(user, change).await?;
        Ok(NoContent)
    }
}
