use std::time::Duration;

use axum::extract::State;
use peregrine_core::job::{Job, JobView, Task, later};
use peregrine_core::mail::{Content, Letter};
use peregrine_core::notification::{DEFAULT_SUBJECT, NewNotification};
use peregrine_core::outbound::Refused;
use peregrine_core::validation::Input;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::caller::{NotificationsSend, Scoped};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::idempotency::{IdempotencyHeader, IdempotencyKey};
use peregrine_http::pace::{Mail, Paced};
use peregrine_http::parts::Body;
use peregrine_http::request::Valid;
use peregrine_http::response::Created;

use crate::JobsState;

/// How far ahead a mail can be asked for.
const FARTHEST: Duration = Duration::from_hours(365 * 24);

/// What is asked of both addresses.
type Asked = Valid<Paced<Mail, Scoped<NotificationsSend>>, (IdempotencyKey, BaseUrl, Body<NewNotification>)>;

/// Send a mail.
///
/// To any address, which is why it needs a scope that only admins have by themselves. The answer is the job that sends
/// it: once it is given, the mail is sent, whatever fails meanwhile.
#[utoipa::path(
    post,
    path = "/api/v1/notifications",
    tag = "notifications",
    params(IdempotencyHeader),
    request_body = NewNotification,
    security(("bearer" = ["notifications:send"])),
    responses(
        (status = 202, body = JobView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn create_notification(State(state): State<JobsState>, asked: Asked) -> Result<Created, ApiError> {
    notify(&state, asked).await
}

/// Send a mail, by the name that the guides give it.
///
/// The same as `POST /notifications`.
#[utoipa::path(
    post,
    path = "/api/v1/send-notification",
    tag = "notifications",
    params(IdempotencyHeader),
    request_body = NewNotification,
    security(("bearer" = ["notifications:send"])),
    responses(
        (status = 202, body = JobView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn send_notification(State(state): State<JobsState>, asked: Asked) -> Result<Created, ApiError> {
    notify(&state, asked).await
}

async fn notify(state: &JobsState, asked: Asked) -> Result<Created, ApiError> {
    let Valid(Paced { caller, .. }, (key, BaseUrl(base_url), Body(new))) = asked;
    if let Some(url) = &new.webhook {
        let refusal = |refused: Refused| {
            ApiError::rule_broken(&["body", "webhook"], &refused.to_string(), Input::text(url.as_str()))
        };
        state.outbound.check(url).map_err(refusal)?;
    }
    let now = state.clock.now();
    if let Some(run_at) = new.run_at.filter(|time| *time > later(now, FARTHEST)) {
        let reason = "a mail can be asked for a year ahead at most";
        return Err(ApiError::rule_broken(&["body", "run_at"], reason, Input::text(run_at.to_string())));
    }
    let subject = new.subject.unwrap_or_else(|| DEFAULT_SUBJECT.to_owned());
    let content = Content::Notification { subject, message: new.message };
    let task = Task::Email(Letter { to: new.email, base_url, content });
    let job = Job {
        run_at: new.run_at.map_or(now, |time| time.max(now)),
        webhook: new.webhook,
        unique_key: new.unique_key,
        ..Job::new(task, caller.user.id, now, &state.random)
    };
    state.promises.make(key, &job).await
}
