use axum::extract::State;
use peregrine_http::base_url::BaseUrl;
use peregrine_http::client::{Client, Hardened};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::pace::{self, Paced};
use peregrine_http::parts::Form;
use peregrine_http::request::Valid;

use crate::AuthState;
use crate::claimant::Claimant;
use crate::token::Token;
use crate::token_request::TokenRequest;

/// What is asked. The form is here for its faults; the claimant has read it too.
type Asked = (Form<TokenRequest>, Client, BaseUrl, Hardened);

/// Sign in with username or email and password.
///
/// The answer is the same, and takes as long, whether the user is unknown, inactive, or the password wrong. Who has set
/// up a second factor sends a code of it as `otp`; without one the answer is 401 with `error="second_factor_required"`
/// in `WWW-Authenticate`. Too many failures, under one name or from one address, make everybody wait who tries it
/// again: 429, also for the right password. With `grant_type=refresh_token` it is `POST /api/v1/token/refresh`.
#[utoipa::path(
    post,
    path = "/api/v1/token",
    tag = "auth",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Token),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn create_token(
    State(state): State<AuthState>,
    Valid(claimant, (_, client, base_url, Hardened(hardened))): Valid<Paced<pace::SignIn, Claimant>, Asked>,
) -> Result<Token, ApiError> {
    match claimant.caller {
        Claimant::Password(claimant) => Box::pin(state.sign_in(*claimant, &client, hardened)).await,
        Claimant::Refresh(claimant) => state.refresh(*claimant, (&client, &base_url), hardened).await,
    }
}
