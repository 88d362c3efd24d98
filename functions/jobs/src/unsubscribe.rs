//! The link by which whoever gets a mail asks for no more of them.

use axum::extract::State;
use axum::response::Response;
use peregrine_core::suppression::{Reason, Suppression};
use peregrine_core::validation::Validate;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Query;
use peregrine_http::request::{Anyone, Valid};
use peregrine_http::web_page::{Message, Representation, WebPage};
use secrecy::{ExposeSecret, SecretString};
use utoipa::IntoParams;

use crate::JobsState;

/// What the link in the mail says.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
pub(crate) struct UnsubscribeLink {
    /// The token of the link. It does not expire.
    #[param(value_type = String, example = "AWFubkBleGFtcGxlLmNvbQ")]
    token: SecretString,
}

const QUESTION: WebPage = WebPage {
    title: "Unsubscribe",
    text: "Please confirm that you want no more messages. Mail about your own account will still reach you.",
    button: Some("Unsubscribe"),
    fields: &[],
    link: None,
};
const DONE: WebPage = WebPage {
    title: "You are unsubscribed",
    text: "No more messages will be sent to your address. You can close this page.",
    button: None,
    fields: &[],
    link: None,
};

/// Ask whether somebody wants no more mail.
///
/// Where the link in a mail leads. It changes nothing, because programs open links of mails before people do: the page
/// has a button that sends the POST. Whoever does not ask for `text/html` gets JSON; whoever does gets errors as pages
/// too.
#[utoipa::path(
    get,
    path = "/api/v1/unsubscribe",
    tag = "notifications",
    params(UnsubscribeLink),
    responses(
        (status = 200, content((Message = "application/json"), (String = "text/html"))),
        (status = 400, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn show_unsubscription(
    State(state): State<JobsState>,
    Valid(_, (Query(link), representation)): Valid<Anyone, (Query<UnsubscribeLink>, Representation)>,
) -> Result<Response, ApiError> {
    state.links.open_unsubscribe(link.token.expose_secret())?;
    Ok(representation.answer(&QUESTION))
}

/// Send an address no more messages.
///
/// Mail programs send this by themselves, with the body `List-Unsubscribe=One-Click` (RFC 8058). Who has the link from
/// the mail needs no more, so any body will do. To unsubscribe again changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/unsubscribe",
    tag = "notifications",
    params(UnsubscribeLink),
    responses(
        (status = 200, content((Message = "application/json"), (String = "text/html"))),
        (status = 400, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn unsubscribe(
    State(state): State<JobsState>,
    Valid(_, (Query(link), representation)): Valid<Anyone, (Query<UnsubscribeLink>, Representation)>,
) -> Result<Response, ApiError> {
    let email = state.links.open_unsubscribe(link.token.expose_secret())?;
    let since = state.clock.now();
    let suppression = Suppression { reason: Reason::Unsubscribed, since, detail: None };
    state.suppressions.put(&email, &suppression).await?;
    Ok(representation.answer(&DONE))
}
