use axum::extract::State;
use peregrine_core::job::{Job, JobView};
use peregrine_core::mail::{Content, Letter};
use peregrine_core::notification::{DEFAULT_MESSAGE, DEFAULT_SUBJECT, UserNotification};
use peregrine_http::base_url::BaseUrl;
use peregrine_http::caller::{SelfOrAdmin, UsersWrite};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::idempotency::{IdempotencyHeader, IdempotencyKey};
use peregrine_http::pace::{Mail, Paced};
use peregrine_http::parts::{Body, Path};
use peregrine_http::request::Valid;
use peregrine_http::response::Created;
use peregrine_http::user_path::UserPath;

use crate::UsersState;

/// What is asked.
type Asked = (Path<UserPath>, (IdempotencyKey, BaseUrl), Option<Body<UserNotification>>);

/// What whoever has not shown that an address is theirs is told.
const NOT_CONFIRMED: ApiError = ApiError::Conflict("Confirm your email address first");

/// Send a mail to a user.
///
/// To oneself, once the address is confirmed, or, as an admin, to anybody who has an account. Without a body it is a
/// greeting. The answer is the job that sends it: once it is given, the mail is sent, whatever fails meanwhile.
#[utoipa::path(
    post,
    path = "/api/v1/users/{user_id}/notify",
    tag = "notifications",
    params(UserPath, IdempotencyHeader),
    request_body(content = Option<UserNotification>),
    security(("bearer" = ["users:write"])),
    responses(
        (status = 202, body = JobView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn notify_user(
    State(state): State<UsersState>,
    Valid(Paced { caller: SelfOrAdmin(caller), .. }, (Path(path), (key, BaseUrl(base_url)), body)): Valid<
        Paced<Mail, SelfOrAdmin<UsersWrite>>,
        Asked,
    >,
) -> Result<Created, ApiError> {
    let user = state.find(path.user_id, &caller.user).await?;
    if !user.is_verified && !caller.is_admin() {
        // Or anybody could sign up with a stranger's address and write to it.
        return Err(NOT_CONFIRMED);
    }
    let UserNotification { subject, message } = body.map(|Body(body)| body).unwrap_or_default();
    let content = Content::Notification {
        subject: subject.unwrap_or_else(|| DEFAULT_SUBJECT.to_owned()),
        message: message.unwrap_or_else(|| DEFAULT_MESSAGE.to_owned()),
    };
    let now = state.clock.now();
    let letter = Letter { to: user.email, base_url, content };
    let job = Job::mail(letter, caller.user.id, now, &state.random);
    state.promises.make(key, &job).await
}
