//! How often somebody may call. Requests are counted before the handler runs; the layers tell clients where they stand.

use std::marker::PhantomData;

use axum::http::Method;
use peregrine_core::limit::{Policy, Standing, Subject};
use peregrine_core::table::RateLimiter;
use peregrine_core::token::AccessToken;
use uuid::Uuid;

use crate::error::ApiError;
use crate::request::{Caller, Received};

/// A caller whose requests are counted by another policy than reads and writes.
#[derive(Debug, Clone)]
pub struct Paced<P, C> {
    /// The caller.
    pub caller: C,
    policy: PhantomData<P>,
}

/// A policy as a type, for [`Paced`].
pub trait PacePolicy: Send {
    /// What requests are counted as.
    const POLICY: Policy;
}

macro_rules! policies {
    ($($name:ident),+) => {$(
        #[doc = concat!("Counts as [`Policy::", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl PacePolicy for $name {
            const POLICY: Policy = Policy::$name;
        }
    )+};
}

policies!(SignIn, SignUp);

impl<S: Sync, P: PacePolicy, C: Caller<S>> Caller<S> for Paced<P, C> {
    const POLICY: Option<Policy> = Some(P::POLICY);

    async fn token(received: &Received, state: &S) -> Result<Option<AccessToken>, ApiError> {
        C::token(received, state).await
    }

    async fn identify(token: Option<AccessToken>, received: &Received, state: &S) -> Result<Self, ApiError> {
        Ok(Self { caller: C::identify(token, received, state).await?, policy: PhantomData })
    }
}

/// Counts a request: for its user, if a token names one, else for the address that it comes from. Requests whose token is
/// not valid count for their address too, so that guessing has its limit.
///
/// # Errors
/// 429.
pub(crate) async fn count(
    received: &Received,
    policy: Option<Policy>,
    user_id: Option<Uuid>,
    limiter: &RateLimiter,
) -> Result<(), ApiError> {
    let is_read = received.method == Method::GET || received.method == Method::HEAD;
    let policy = policy.unwrap_or(if is_read { Policy::Reads } else { Policy::Writes });
    let subject = user_id.map_or_else(|| received.address(), Subject::User);
    // A counter that can't be reached lets requests pass: the API is worth more than its limits.
    let Some(standing) = limiter.take(policy, &subject).await else { return Ok(()) };
    received.exchange().note_standing(standing);
    allowed(&standing)
}

/// Counts what a request costs beyond itself.
///
/// # Errors
/// 429.
pub(crate) async fn take(policy: Policy, subject: &Subject, limiter: &RateLimiter) -> Result<(), ApiError> {
    limiter.take(policy, subject).await.map_or(Ok(()), |standing| allowed(&standing))
}

fn allowed(standing: &Standing) -> Result<(), ApiError> {
    if standing.allowed { Ok(()) } else { Err(ApiError::TooManyRequests { retry_after: standing.reset }) }
}
