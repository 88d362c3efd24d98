use axum::extract::State;
use axum::response::Response;
use futures_util::future::join3;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::lockout::Contender;
use peregrine_core::mail::Notice;
use peregrine_core::mail::links::{LOGIN_PATH, LinkError};
use peregrine_core::one_time::Purpose;
use peregrine_core::password::NewPassword;
use peregrine_core::table::Also;
use peregrine_core::user::{UniqueName, User};
use peregrine_core::validation::Validate;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::client::{Client, Hardened};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::parts::{FormOrJson, Query};
use peregrine_http::request::{Anyone, Valid};
use peregrine_http::web_page::{Field, Message, Representation, WebPage};
use secrecy::SecretString;
use utoipa::{IntoParams, ToSchema};

use crate::AuthState;
use crate::change_user::UserChange;

/// What the link in the mail says.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResetLink {
    /// The token of the link. It is good once, for 30 minutes, and for the address that it was sent to.
    #[param(value_type = String, example = "AZjzxBKrfRCfPmtaTD0uHwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f")]
    token: SecretString,
}

/// The password that takes the place of the forgotten one.
#[derive(Debug, ToSchema, Validate)]
pub(crate) struct ResetPassword {
    /// Has a digit and an upper-case letter, or what hardened sign-in asks for.
    password: NewPassword,
}

/// What is asked.
type Asked = ((Query<ResetLink>, FormOrJson<ResetPassword>), (BaseUrl, Hardened), Client, Representation);

const QUESTION: WebPage = WebPage {
    title: "Set a new password",
    text: "All sessions end when the new password is set, and you can sign in with it.",
    button: Some("Set the password"),
    fields: &[Field { name: "password", label: "New password", kind: "password", autocomplete: "new-password" }],
    link: None,
};
const DONE: WebPage = WebPage {
    title: "The new password is set",
    text: "You can sign in with the new password. All earlier sessions have ended.",
    button: None,
    fields: &[],
    link: Some(("Sign in", LOGIN_PATH)),
};

/// Ask for a new password.
///
/// Where the link in a mail leads. It changes nothing, because programs open links of mails before people do: the page
/// has a form that sends the POST. Whoever does not ask for `text/html` gets JSON; whoever does gets errors as pages
/// too.
#[utoipa::path(
    get,
    path = "/api/v1/reset-password",
    tag = "auth",
    params(ResetLink),
    responses(
        (status = 200, content((Message = "application/json"), (String = "text/html"))),
        (status = 400, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn show_password_reset(
    State(state): State<AuthState>,
    Valid(_, (Query(link), representation)): Valid<Anyone, (Query<ResetLink>, Representation)>,
) -> Result<Response, ApiError> {
    state.follow(Purpose::ResetPassword, &link.token).await?;
    Ok(representation.answer(&QUESTION))
}

/// Set a new password by a link from a mail.
///
/// The link is good once. All sessions end, API keys are deleted, earlier failures to sign in are forgotten, and the
/// address counts as confirmed, because its mail was read. Nobody is signed in by it: whoever has a second factor still
/// needs it. A mail tells the owner.
#[utoipa::path(
    post,
    path = "/api/v1/reset-password",
    tag = "auth",
    params(ResetLink),
    request_body(content((ResetPassword = "application/json"), (ResetPassword = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, content((Message = "application/json"), (String = "text/html"))),
        (status = 400, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn reset_password(
    State(state): State<AuthState>,
    Valid(_, ((Query(link), FormOrJson(new)), (BaseUrl(base_url), hardened), client, representation)): Valid<
        Anyone,
        Asked,
    >,
) -> Result<Response, ApiError> {
    let link = state.follow(Purpose::ResetPassword, &link.token).await?;
    let user = state.user_of(&link).await?;
    link.check_owner(&user)?;
    hardened.check_password(&new.password, &user, "password")?;
    // Only now, so that a forged link does not cost the time that a hash takes.
    let password_hash = state.passwords.hash(new.password.into_secret()).await?;
    let now = state.clock.now();
    let event = AuditEvent::new(AuditAction::PasswordReset, user.id, client.address, now, &state.random);
    let notice = state.notice(Notice::PasswordReset, &user.with_password_reset(now), base_url);
    let also = Also::nothing().and(state.use_up(&link)).and(state.audit.record(&event));
    let also = state.promising(also, notice.as_ref());
    let change = |user: &User| {
        link.check_owner(user)?;
        // Another request may have used the link up meanwhile.
        let change = UserChange::to(user.with_password_reset(now), also.clone());
        Ok(Some(change.with_password(&password_hash).or(LinkError::Gone)))
    };
    let user = state.change_user(user, change).await?.ok_or(LinkError::Gone)?;
    // Nobody is kept from using the new password by whoever has guessed at the old one. The keys are of no use any
    // more, so to delete them only tidies up.
    let [email, username] = [user.email.as_str(), &user.username].map(UniqueName::of).map(Contender::Name);
    let (deleted, (), ()) = join3(
        state.api_keys.delete_all(user.id),
        state.attempts.forget(&email, now),
        state.attempts.forget(&username, now),
    )
    .await;
    if let Err(error) = deleted {
        tracing::error!(user_id = %user.id, %error, "the API keys of before a reset could not be deleted");
    }
    Ok(representation.answer(&DONE))
}
