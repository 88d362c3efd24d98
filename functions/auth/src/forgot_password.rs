use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use peregrine_core::email::Email;
use peregrine_core::job::Job;
use peregrine_core::limit::Occasion;
use peregrine_core::mail::links::LOGIN_PATH;
use peregrine_core::mail::{Content, Letter};
use peregrine_core::table::InsertJobError;
use peregrine_core::validation::Validate;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::pace::{Mail, Paced, count_mail_to};
use peregrine_http::parts::FormOrJson;
use peregrine_http::request::{Anyone, Valid};
use peregrine_http::web_page::{Field, Message, Representation, WebPage};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::AuthState;

/// Whose password is forgotten.
#[derive(Debug, ToSchema, Validate)]
pub(crate) struct ForgottenPassword {
    /// Where mail reaches the user.
    email: Email,
}

/// What is asked.
type Asked = (FormOrJson<ForgottenPassword>, BaseUrl, Client, Representation);

const QUESTION: WebPage = WebPage {
    title: "Set a new password",
    text: "Which email address does your account have? You will get a mail with a link.",
    button: Some("Send the link"),
    fields: &[Field { name: "email", label: "Email address", kind: "email", autocomplete: "username" }],
    link: Some(("Sign in", LOGIN_PATH)),
};
/// The same whoever is asked for, and whether or not there is such an account.
const SENT: WebPage = WebPage {
    title: "Look into your mail",
    text: "If there is an account with this address, a mail with a link is on its way to it. The link works for 30 \
           minutes.",
    button: None,
    fields: &[],
    link: None,
};

/// Ask whose password is forgotten.
///
/// A page with a form that sends the POST. Whoever does not ask for `text/html` gets JSON.
#[utoipa::path(
    get,
    path = "/api/v1/forgot-password",
    tag = "auth",
    responses((status = 200, content((Message = "application/json"), (String = "text/html")))),
)]
pub(crate) async fn show_forgot_password(Valid(_, (representation,)): Valid<Anyone, (Representation,)>) -> Response {
    representation.answer(&QUESTION)
}

/// Send a link by which a new password can be set.
///
/// The answer is the same, and takes as long, whether or not there is an account with this address: nobody looks before
/// the mail is sent. A mailbox gets a few such mails an hour and no more.
#[utoipa::path(
    post,
    path = "/api/v1/forgot-password",
    tag = "auth",
    request_body(content(
        (ForgottenPassword = "application/json"),
        (ForgottenPassword = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 202, content((Message = "application/json"), (String = "text/html"))),
        (status = 400, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn forgot_password(
    State(state): State<AuthState>,
    Valid(_, (FormOrJson(asked), BaseUrl(base_url), client, representation)): Valid<Paced<Mail, Anyone>, Asked>,
) -> Result<Response, ApiError> {
    // Whoever floods a mailbox learns no more than anybody else: not even that they have gone too far.
    if count_mail_to(&state.limiter, &asked.email, Occasion::PasswordReset).await.is_ok() {
        let content = Content::PasswordReset { asked_from: client.address };
        let letter = Letter { to: asked.email, base_url, content };
        // It belongs to nobody: its owner could see whether there was somebody to write to.
        let job = Job::mail(letter, Uuid::nil(), state.clock.now(), &state.random);
        match state.jobs.insert(&job, None).await {
            // Without keys there is nothing that two of them could share.
            Ok(()) | Err(InsertJobError::KeyUsed(_) | InsertJobError::Duplicate) => {}
            Err(InsertJobError::Table(error)) => return Err(error.into()),
        }
    }
    Ok((StatusCode::ACCEPTED, representation.answer(&SENT)).into_response())
}
