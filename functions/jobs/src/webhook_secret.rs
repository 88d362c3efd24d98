use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use peregrine_core::webhook::WebhookSecrets;
use peregrine_http::caller::{Scoped, UsersWrite};
use peregrine_http::error::Problem;
use peregrine_http::request::Valid;
use serde::Serialize;
use utoipa::ToSchema;

/// What a receiver verifies webhooks with.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookSecretView {
    /// The secret, for a library of Standard Webhooks.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    secret: String,
}

/// Show the secret of the caller's webhooks.
///
/// What tells how a job of the caller's ended is signed with it, so that the receiver can be sure of who says so: by
/// the header fields `webhook-id`, `webhook-timestamp` and `webhook-signature` of [Standard
/// Webhooks](https://www.standardwebhooks.com), for which there are libraries. The secret stays the same. Whoever knows
/// it can write webhooks that the receiver takes for ours.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/secret",
    tag = "jobs",
    security(("bearer" = ["users:write"])),
    responses(
        (status = 200, body = WebhookSecretView),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
    ),
)]
pub(crate) async fn read_webhook_secret(
    State(secrets): State<WebhookSecrets>,
    Valid(caller, ()): Valid<Scoped<UsersWrite>, ()>,
) -> impl IntoResponse {
    let secret = secrets.of(caller.user.id).expose();
    ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(WebhookSecretView { secret }))
}
