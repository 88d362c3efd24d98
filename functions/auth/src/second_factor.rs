//! The second factor: one-time passwords of an authenticator app, and recovery codes.
//!
//! To set it up or remove it ends all sessions, the caller's too: whoever has signed in before has not shown what a sign-in
//! takes from then on.

pub(crate) mod begin;
pub(crate) mod confirm;
pub(crate) mod disable;
pub(crate) mod read;
pub(crate) mod recovery_codes;

use peregrine_core::lockout::Contender;
use peregrine_core::table::{Also, RightCode, UpdateUserError};
use peregrine_core::totp::{RECOVERY_CODES, RecoveryCode};
use peregrine_core::user::User;
use peregrine_core::validation::{Validate, masked};
use peregrine_http::caller::{Interactive, UsersWrite};
use peregrine_http::error::ApiError;
use peregrine_http::race::Race;
use secrecy::SecretString;
use utoipa::ToSchema;

use crate::AuthState;

/// What shows that the caller has the second factor.
#[derive(Debug, ToSchema, Validate)]
pub(crate) struct SecondFactorProof {
    /// The six digits that the authenticator app shows, or a recovery code. Each is good once.
    #[schema(value_type = String, min_length = 6, max_length = 64, example = "287082")]
    otp: SecretString,
}

/// What asks for a second factor where there is none, or the other way round, is answered with.
const NOT_SET_UP: ApiError = ApiError::Conflict("No second factor is set up");
const SET_UP: ApiError = ApiError::Conflict("A second factor is set up already");

/// The answer to a code that is wrong, or has been used.
fn wrong_code() -> ApiError {
    ApiError::rule_broken(&["body", "otp"], "the code is wrong, or has been used", masked())
}

impl AuthState {
    /// The code, if it is right. Counted as an attempt to show who one is, before it is judged, so that whoever has got an
    /// access token can't guess codes.
    async fn right_code(&self, user: &User, proof: &SecondFactorProof) -> Result<RightCode, ApiError> {
        let (contender, now) = (Contender::Code(user.id), self.clock.now());
        self.attempts.begin(&contender, now).await?;
        let right = self.second_factors.judge(user.id, &proof.otp, now).await?.ok_or_else(wrong_code)?;
        self.attempts.succeeded(&contender, now).await?;
        Ok(right)
    }

    /// Notes that the caller has a second factor, or no longer has one, with the writes that make it so.
    async fn set_second_factor(
        &self,
        caller: &Interactive<UsersWrite>,
        has_second_factor: bool,
        also: &Also<'_>,
    ) -> Result<(), ApiError> {
        let mut race = Race::new("User was changed by somebody else, please try again");
        let mut user = caller.user().clone();
        loop {
            match self.users.update(&user, &user.with_second_factor(has_second_factor), None, also).await {
                Ok(()) => return Ok(()),
                // Another request has just used the code, or the set-up.
                Err(UpdateUserError::Refused) => return Err(wrong_code()),
                // No name changes, so none can be taken.
                Err(UpdateUserError::Outdated | UpdateUserError::NameTaken(_)) => race.lost()?,
                Err(UpdateUserError::Table(error)) => return Err(error.into()),
            }
            let found = self.users.find(user.id).await?.filter(|user| user.accepts(caller.session));
            user = found.ok_or(ApiError::Unauthenticated("Could not validate credentials"))?;
        }
    }

    fn new_recovery_codes(&self) -> [RecoveryCode; RECOVERY_CODES] {
        std::array::from_fn(|_| RecoveryCode::new(&self.random))
    }
}
