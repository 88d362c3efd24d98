use axum::extract::State;
use axum::response::Response;
use peregrine_core::mail::links::LinkError;
use peregrine_core::table::{Also, UpdateUserError};
use peregrine_core::validation::Validate;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Query;
use peregrine_http::race::Race;
use peregrine_http::request::{Anyone, Valid};
use peregrine_http::web_page::{Message, Representation, WebPage};
use secrecy::{ExposeSecret, SecretString};
use utoipa::IntoParams;

use crate::AuthState;

/// What the link in the mail says.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerificationLink {
    /// The token of the link. It is good for a day, and for the address that it was sent to.
    #[param(value_type = String, example = "AQGY88QSq30Qnz5rWkw9Lh8")]
    token: SecretString,
}

const QUESTION: WebPage = WebPage {
    title: "Confirm your address",
    text: "Please confirm that this email address is yours.",
    button: Some("Confirm"),
};
const DONE: WebPage =
    WebPage { title: "Thank you", text: "The address is confirmed. You can close this page.", button: None };
const DONE_BEFORE: WebPage = WebPage {
    title: "Thank you",
    text: "The address was confirmed before. There is nothing more to do.",
    button: None,
};

/// Ask whether an address is to be confirmed.
///
/// Where the link in a mail leads. It changes nothing, because programs open links of mails before people do: the page has
/// a button that sends the POST. Whoever does not ask for `text/html` gets JSON; whoever does gets errors as pages too.
#[utoipa::path(
    get,
    path = "/api/v1/verify-email",
    tag = "auth",
    params(VerificationLink),
    responses(
        (status = 200, content((Message = "application/json"), (String = "text/html"))),
        (status = 400, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn show_verification(
    State(state): State<AuthState>,
    Valid(_, (Query(link), representation)): Valid<Anyone, (Query<VerificationLink>, Representation)>,
) -> Result<Response, ApiError> {
    state.links.open_verification(link.token.expose_secret(), state.clock.now())?;
    Ok(representation.answer(&QUESTION))
}

/// Confirm that an address is the user's.
///
/// Who has the link from the mail needs no more. To confirm again changes nothing. A link is of no use for an address that
/// the user has given up since.
#[utoipa::path(
    post,
    path = "/api/v1/verify-email",
    tag = "auth",
    params(VerificationLink),
    responses(
        (status = 200, content((Message = "application/json"), (String = "text/html"))),
        (status = 400, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn verify_email(
    State(state): State<AuthState>,
    Valid(_, (Query(link), representation)): Valid<Anyone, (Query<VerificationLink>, Representation)>,
) -> Result<Response, ApiError> {
    let verification = state.links.open_verification(link.token.expose_secret(), state.clock.now())?;
    let mut race = Race::new("User was changed by somebody else, please try again");
    loop {
        // A user who is gone, or has another address, is answered like a link that was never made.
        let user = state.users.find(verification.user_id).await?.ok_or(LinkError::Invalid)?;
        let confirmed = user.confirmed(|address| verification.is_for(address), state.clock.now());
        let confirmed = confirmed.ok_or(LinkError::Invalid)?;
        if user.is_verified && confirmed.email == user.email {
            return Ok(representation.answer(&DONE_BEFORE));
        }
        match state.users.update(&user, &confirmed, None, &Also::nothing()).await {
            Ok(()) => return Ok(representation.answer(&DONE)),
            // Only who reads the mail of this address learns it.
            Err(UpdateUserError::NameTaken(_)) => return Err(ApiError::Conflict("Another account has this address")),
            Err(UpdateUserError::Outdated | UpdateUserError::Refused) => race.lost()?,
            Err(UpdateUserError::Table(error)) => return Err(error.into()),
        }
    }
}
