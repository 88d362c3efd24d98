use axum::extract::State;
use axum::response::Response;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::mail::links::LinkError;
use peregrine_core::one_time::Purpose;
use peregrine_core::scope::Scope;
use peregrine_core::table::Also;
use peregrine_core::user::User;
use peregrine_core::validation::Validate;
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::Query;
use peregrine_http::request::{Anyone, Valid};
use peregrine_http::web_page::{Message, Representation, WebPage};
use secrecy::SecretString;
use utoipa::IntoParams;

use crate::AuthState;
use crate::change_user::UserChange;

/// What the link in the mail says.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerificationLink {
    /// The token of the link. It is good once, for a day, and for the address that it was sent to.
    #[param(value_type = String, example = "AZjzxBKrfRCfPmtaTD0uHwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f")]
    token: SecretString,
}

const QUESTION: WebPage = WebPage {
    title: "Confirm your address",
    text: "Please confirm that this email address is yours.",
    button: Some("Confirm"),
    fields: &[],
    link: None,
};
const DONE: WebPage = WebPage {
    title: "Thank you",
    text: "The address is confirmed. You can close this page.",
    button: None,
    fields: &[],
    link: None,
};

/// Ask whether an address is to be confirmed.
///
/// Where the link in a mail leads. It changes nothing, because programs open links of mails before people do: the page
/// has a button that sends the POST. Whoever does not ask for `text/html` gets JSON; whoever does gets errors as pages
/// too.
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
    state.follow(Purpose::VerifyEmail, &link.token).await?;
    Ok(representation.answer(&QUESTION))
}

/// Confirm that an address is the user's.
///
/// Who has the link from the mail needs no more. It is good once, unless a newer one has taken its place, and of no use
/// for an address that the user has given up since.
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
    Valid(_, (Query(link), client, representation)): Valid<Anyone, (Query<VerificationLink>, Client, Representation)>,
) -> Result<Response, ApiError> {
    let link = state.follow(Purpose::VerifyEmail, &link.token).await?;
    let now = state.clock.now();
    let change = |user: &User| {
        link.check_user(user)?;
        let confirmed = user.confirmed(|address| link.is_for(address), now).ok_or(LinkError::Gone)?;
        let is_kept = confirmed.email != user.email && state.first_admin.answers_to(confirmed.email.as_str());
        if is_kept && !user.scopes.allow(Scope::Admin) {
            // Whoever named the address was not told that it is kept, or they would know whose it is.
            return Err(LinkError::Gone.into());
        }
        let event = |action| AuditEvent::new(action, user.id, client.address, now, &state.random);
        let mut also = Also::nothing().and(state.use_up(&link));
        also = also.and(state.audit.record(&event(AuditAction::EmailVerified)));
        if confirmed.email != user.email {
            also = also.and(state.audit.record(&event(AuditAction::EmailChanged)));
        }
        // Another request may have used the link up meanwhile.
        Ok(Some(UserChange::to(confirmed, also).or(LinkError::Gone)))
    };
    let user = state.user_of(&link).await?;
    state.change_user(user, change).await?.ok_or(LinkError::Gone)?;
    Ok(representation.answer(&DONE))
}
