//! What handlers know of a request beyond its parameters: whose it is by network, and how strict sign-in is.

use std::net::IpAddr;

use axum::http::header::USER_AGENT;
use peregrine_core::password::NewPassword;
use peregrine_core::user::User;
use peregrine_core::validation::{Fault, masked};

use crate::error::ApiError;
use crate::request::{Part, Received};

/// The client that sent a request, as a part of it, for records of security events.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its network address: the gateway's word, or a trusted proxy's.
    pub address: IpAddr,
    /// What it calls itself. Anything may stand there.
    pub user_agent: Option<String>,
}

/// Whether sign-in follows OWASP where the guides do not (the setting `HARDENED`), as a part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardened(pub bool);

impl Hardened {
    /// Refuses, where sign-in is hardened, a password that is made of what everybody can know of the user, as it will
    /// be. `field` is where the body has it.
    ///
    /// # Errors
    /// 422.
    pub fn check_password(self, password: &NewPassword, user: &User, field: &'static str) -> Result<(), ApiError> {
        if !self.0 {
            return Ok(());
        }
        password.check_context(user).map_err(|reason| ApiError::rule_broken(&["body", field], reason, masked()))
    }
}

impl Part for Client {
    fn read(received: &Received, _: &mut Vec<Fault>) -> Option<Self> {
        let user_agent = received.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        Some(Self { address: received.exchange.client_address(), user_agent: user_agent.map(ToOwned::to_owned) })
    }
}

impl Part for Hardened {
    fn read(received: &Received, _: &mut Vec<Fault>) -> Option<Self> {
        Some(Self(received.exchange.hardened()))
    }
}
