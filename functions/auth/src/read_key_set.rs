use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use peregrine_core::token::PublicKey;
use peregrine_http::error::ApiError;
use peregrine_http::request::{Anyone, Valid};
use serde::Serialize;
use utoipa::ToSchema;

use crate::AuthState;

/// Five minutes, which a new key is announced for at the least before it signs.
const CACHEABLE: &str = "public, max-age=300";

/// A set of public keys (RFC 7517 section 5).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeySet {
    /// The keys, the newest first.
    keys: Vec<Key>,
}

/// A public key (RFC 7517 section 4, RFC 8037 section 2).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Key {
    /// The type: `OKP`, an octet key pair.
    #[schema(example = "OKP")]
    kty: &'static str,
    /// The curve: `Ed25519`.
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// The public key, in base64url.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    x: String,
    /// The key's id, which tokens carry in their header: its thumbprint (RFC 7638).
    #[schema(example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    pub(crate) kid: String,
    /// What the key is for: `sig`, signatures.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    intended_use: &'static str,
    /// The algorithm: `EdDSA`.
    #[schema(example = "EdDSA")]
    alg: &'static str,
}

impl From<&PublicKey> for Key {
    fn from(key: &PublicKey) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            x: key.x(),
            kid: key.id().as_str().to_owned(),
            intended_use: "sig",
            alg: "EdDSA",
        }
    }
}

/// Read the keys that access tokens are verified with.
///
/// For systems that are given tokens of this API. A new key appears ten minutes before the first token is signed with
/// it, and the answer may be kept for five. Keys that are not in here are not to be trusted.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "auth",
    responses((status = 200, body = KeySet)),
)]
pub(crate) async fn read_key_set(
    State(state): State<AuthState>,
    Valid(..): Valid<Anyone, ()>,
) -> Result<impl IntoResponse, ApiError> {
    let now = state.clock.now();
    let schedule = state.signing.schedule(now).await?;
    let keys = schedule.accepted(now).map(|key| Key::from(&key.public_key)).collect();
    Ok(([(CACHE_CONTROL, CACHEABLE)], Json(KeySet { keys })))
}
