//! The `Idempotency-Key` of a request that creates something, so that it can be sent again when nobody knows whether it
//! arrived (draft-ietf-httpapi-idempotency-key-header).

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::Method;
use peregrine_core::clock::Clock;
use peregrine_core::idempotency::{IdempotencyKeys, Once};
use peregrine_core::random::Random;
use peregrine_core::settings::Environment;
use peregrine_core::validation::{Fault, Validate};
use secrecy::SecretString;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::parts::Header;
use crate::request::{Part, Received};
use crate::response::Created;

/// The header field.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Header, rename_all = "kebab-case")]
pub struct IdempotencyHeader {
    /// Makes the request safe to repeat: the same key with the same body gets the first answer again for 24 hours, with
    /// `Idempotent-Replayed: true`. Take a new UUID for every new wish. Keys belong to their caller; those of callers
    /// who are not signed in to their network address.
    #[param(min_length = 1, max_length = 255)]
    pub idempotency_key: Option<String>,
}

/// The header field, where the answer holds a secret.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header, rename_all = "kebab-case")]
pub struct OnceHeader {
    /// Makes the request safe to repeat: it is done once, and the same key gets 409 for 24 hours, because the answer is
    /// shown once. Take a new UUID for every new wish.
    #[param(min_length = 1, max_length = 255)]
    pub idempotency_key: Option<String>,
}

/// A request's key, if it has one, and the request.
#[derive(Debug)]
pub struct IdempotencyKey {
    key: Option<String>,
    method: Method,
    path: String,
    body: Bytes,
    address: String,
}

impl Part for IdempotencyKey {
    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
        let Header(header) = Header::<IdempotencyHeader>::read(received, faults)?;
        Some(Self {
            key: header.idempotency_key,
            method: received.method.clone(),
            path: received.path_as_sent.clone(),
            body: received.raw_body.clone(),
            address: received.exchange.client_address().to_string(),
        })
    }
}

/// Has requests done once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Idempotency {
    table: String,
    keys: Arc<IdempotencyKeys>,
    clock: Clock,
}

impl Idempotency {
    /// Keys that are remembered in the table of this name, as hashes that depend on `secret`.
    pub fn new(table: String, secret: &SecretString, clock: Clock, random: Random) -> Self {
        Self { table, keys: Arc::new(IdempotencyKeys::new(secret, random)), clock }
    }

    /// Reads `IDEMPOTENCY_TABLE`.
    pub fn from_env(environment: &mut Environment, secret: &SecretString, clock: Clock) -> Self {
        Self::new(environment.text("IDEMPOTENCY_TABLE"), secret, clock, Random::system())
    }

    /// What to write in the transaction that creates the resource; nothing for a request without a key. The caller is a
    /// user, or whoever has the request's address. An answer that holds a secret is not written.
    pub fn once(&self, key: IdempotencyKey, caller: Option<Uuid>, created: &Created) -> Option<Once> {
        let sent = key.key?;
        let caller = caller.map_or(key.address, |id| id.to_string());
        let request = [key.method.as_str().as_bytes(), key.path.as_bytes(), &key.body];
        Some(Once {
            table: self.table.clone(),
            claim: self.keys.claim(&caller, &sent, &request),
            answer: created.repeatable().cloned(),
            now: self.clock.now().as_second(),
        })
    }
}
