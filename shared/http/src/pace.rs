//! Callers whose requests are counted by another policy than reads and writes.

use std::marker::PhantomData;

use peregrine_core::email::Email;
use peregrine_core::limit::{Occasion, Policy, Subject};
use peregrine_core::table::RateLimiter;

use crate::caller::Credential;
use crate::counting::count_besides;
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

/// Counts a mail that goes to an address which the caller has not shown to be theirs, beyond the request itself:
/// nobody's mailbox is to be flooded, from however many addresses that is tried.
///
/// # Errors
/// 429.
pub async fn count_mail_to(limiter: &RateLimiter, email: &Email, occasion: Occasion) -> Result<(), ApiError> {
    count_besides(limiter, Policy::Mailbox, &Subject::mailbox(email, occasion)).await
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

policies!(SignIn, SignUp, Mail);

impl<S: Sync, P: PacePolicy, C: Caller<S>> Caller<S> for Paced<P, C> {
    const POLICY: Option<Policy> = Some(P::POLICY);

    async fn credential(received: &Received, state: &S) -> Result<Option<Credential>, ApiError> {
        C::credential(received, state).await
    }

    async fn identify(credential: Option<Credential>, received: &Received, state: &S) -> Result<Self, ApiError> {
        Ok(Self { caller: C::identify(credential, received, state).await?, policy: PhantomData })
    }
}
