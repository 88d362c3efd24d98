use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::job::{Job, Task};
use peregrine_core::mail::{Content, Letter};
use peregrine_core::table::{Also, InsertUserError};
use peregrine_core::user::{NewUser, User, UserView};
use peregrine_http::base_url::BaseUrl;
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::idempotency::{IdempotencyHeader, IdempotencyKey};
use peregrine_http::pace::{Paced, SignUp};
use peregrine_http::parts::Body;
use peregrine_http::request::{Anyone, Valid};
use peregrine_http::response::Created;

use crate::UsersState;
use crate::change::NAME_TAKEN;

/// Sign up.
///
/// Anybody may. Email and username are unique together, whatever their case: nobody can take one as the other. A mail
/// welcomes the new user, with a link that confirms the address.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "users",
    params(IdempotencyHeader),
    request_body = NewUser,
    responses(
        (status = 201, body = UserView),
        (status = 400, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn create_user(
    State(state): State<UsersState>,
    Valid(_, (key, BaseUrl(base_url), client, Body(new))): Valid<
        Paced<SignUp, Anyone>,
        (IdempotencyKey, BaseUrl, Client, Body<NewUser>),
    >,
) -> Result<Created, ApiError> {
    let now = state.clock.now();
    let user = User::new(&new, now, &state.random);
    if !user.unique_names().is_disjoint(&state.first_admin.unique_names()) {
        return Err(NAME_TAKEN);
    }
    let password_hash = state.passwords.hash(new.password.into_secret()).await?;
    let created = Created::at(format!("/api/v1/users/{}", user.id), &UserView::from(user.clone()))?;
    let once = state.idempotency.once(key, None, &created);
    let content = Content::Welcome { user_id: user.id, username: user.username.clone() };
    let letter = Letter { to: user.email.clone(), base_url, content };
    let welcome = Job::new(Task::Email(letter), user.id, now, &state.random);
    let event = AuditEvent::new(AuditAction::SignedUp, user.id, client.address, now, &state.random);
    let also = Also::nothing().and_promise(state.jobs.promise(&welcome)).and(state.audit.record(&event));
    match state.users.insert(&user, &password_hash, &also, once.as_ref()).await {
        Ok(()) => Ok(created),
        Err(InsertUserError::KeyUsed(used)) => Created::again(used),
        Err(InsertUserError::NameTaken) => Err(NAME_TAKEN),
        Err(InsertUserError::Table(error)) => Err(error.into()),
    }
}
