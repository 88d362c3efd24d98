//! The second factor: one-time passwords of an authenticator app, and recovery codes.
//!
//! To set it up or remove it ends all sessions, the caller's too: whoever has signed in before has not shown what a
//! sign-in takes from then on.

pub(crate) mod begin;
pub(crate) mod confirm;
pub(crate) mod disable;
pub(crate) mod read;
pub(crate) mod recovery_codes;
pub(crate) mod remove;

use futures_util::future::join;
use jiff::Timestamp;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::lockout::Contender;
use peregrine_core::table::{Also, RightCode, Write};
use peregrine_core::totp::{RECOVERY_CODES, RecoveryCode};
use peregrine_core::user::User;
use peregrine_core::validation::{Validate, masked};
use peregrine_http::caller::{Interactive, REFUSED, Scoped, UsersWrite};
use peregrine_http::client::Client;
use peregrine_http::error::ApiError;
use secrecy::SecretString;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::AuthState;
use crate::change_user::UserChange;

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
    /// The code, if it is right, and the write that forgets the attempts before, for the transaction that uses the
    /// code.
    ///
    /// # Errors
    /// 429 after too many wrong ones.
    pub(crate) async fn judge_code(
        &self,
        user_id: Uuid,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<Option<(RightCode, Write)>, ApiError> {
        let guess = Contender::Code(user_id);
        // Nobody hears of the judgement whose attempt has not been counted.
        let judgement = self.second_factors.judge(user_id, code, now);
        let (counted, right) = join(self.attempts.begin(&guess, now), judgement).await;
        counted?;
        Ok(right?.map(|right| (right, self.attempts.forgetting(&guess, now))))
    }

    /// The code with which a signed-in user changes the second factor, and what its use writes. Whoever has got hold of
    /// an access token can't guess it: attempts are counted, and a wrong one is put on record. One that is right stays
    /// counted if the change fails: most often because the code has been used.
    ///
    /// # Errors
    /// 422 for a wrong code, 429 after too many.
    async fn right_code(
        &self,
        user: &User,
        client: &Client,
        proof: &SecondFactorProof,
    ) -> Result<(RightCode, Also<'static>), ApiError> {
        let now = self.clock.now();
        let Some((right, forgetting)) = self.judge_code(user.id, &proof.otp, now).await? else {
            let refused = AuditEvent::new(AuditAction::SignInRefused, user.id, client.address, now, &self.random);
            self.audit.insert(&refused.about("code")).await?;
            return Err(wrong_code());
        };
        Ok((right, Also::nothing().and(forgetting)))
    }

    /// Notes that the caller has a second factor, or no longer has one, with the writes that make it so.
    ///
    /// # Errors
    /// 422 if another request has used the code, 401 if the caller's session has ended, 409 after too many lost races.
    async fn set_second_factor(
        &self,
        caller: &Interactive<Scoped<UsersWrite>>,
        has_second_factor: bool,
        also: &Also<'_>,
    ) -> Result<(), ApiError> {
        let change = |user: &User| {
            if !user.accepts(caller.session) {
                return Err(REFUSED);
            }
            // Another request may just have used the code, or the set-up.
            Ok(Some(UserChange::to(user.with_second_factor(has_second_factor), also.clone()).or(wrong_code())))
        };
        self.change_user(caller.user().clone(), change).await?.ok_or(REFUSED)?;
        Ok(())
    }

    fn new_recovery_codes(&self) -> [RecoveryCode; RECOVERY_CODES] {
        std::array::from_fn(|_| RecoveryCode::new(&self.random))
    }
}
