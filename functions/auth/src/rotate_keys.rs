use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::table::{Also, ConditionalWriteError};
use peregrine_core::token::{RotationError, ScheduledKey};
use peregrine_http::caller::{Admin, Interactive, Scoped};
use peregrine_http::client::Client;
use peregrine_http::error::{ApiError, Problem};
use peregrine_http::request::Valid;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::AuthState;
use crate::read_key_set::Key;

const UNDER_WAY: ApiError = ApiError::Conflict("A rotation is under way; the key before is still accepted");

/// The keys, and what is valid when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotatedKeys {
    /// The keys, the newest first.
    keys: Vec<RotatedKey>,
}

/// A public key and its times.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotatedKey {
    #[serde(flatten)]
    key: Key,
    /// When tokens begin to be signed with it.
    #[schema(example = "2026-11-20T12:10:00Z")]
    signs_from: Timestamp,
    /// Until when tokens that are signed with it are accepted; `null` until a newer key takes its place.
    #[schema(required = true, example = "2026-11-20T12:45:00Z")]
    accepted_until: Option<Timestamp>,
}

impl From<&ScheduledKey> for RotatedKey {
    fn from(key: &ScheduledKey) -> Self {
        Self { key: Key::from(&key.public_key), signs_from: key.signs_from, accepted_until: key.accepted_until }
    }
}

/// Replace the key that access tokens are signed with.
///
/// For admins. Nobody has to sign in again: the new key is announced for ten minutes before it signs, and the old one
/// is accepted until the last of its tokens has ended, which is 45 minutes from now. Until then there is no other
/// rotation: 409. Where the signing secret itself has leaked, this does not help; the secret has to be replaced.
#[utoipa::path(
    post,
    path = "/api/v1/signing-keys/rotate",
    tag = "operations",
    security(("session" = ["admin"])),
    responses(
        (status = 200, body = RotatedKeys),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
    ),
)]
pub(crate) async fn rotate_signing_keys(
    State(state): State<AuthState>,
    Valid(admin, (client,)): Valid<Interactive<Scoped<Admin>>, (Client,)>,
) -> Result<Json<RotatedKeys>, ApiError> {
    let (signing, now) = (&state.signing, state.clock.now());
    let old = signing.schedule(now).await?;
    let new = old.rotated(&signing.secret, now).map_err(|error| match error {
        RotationError::UnderWay => UNDER_WAY,
        RotationError::Key(error) => error.into(),
    })?;
    // It concerns nobody's account, but all.
    let event = AuditEvent::new(AuditAction::SigningKeyRotated, Uuid::nil(), client.address, now, &state.random)
        .by(Some(admin.user().id))
        .about(new.current.public_key.id().as_str());
    match signing.keys.replace(Some(&old), &new, &Also::nothing().and(state.audit.record(&event))).await {
        Ok(()) => {}
        // Another rotation has just begun.
        Err(ConditionalWriteError::Outdated) => return Err(UNDER_WAY),
        Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
    }
    let keys = new.accepted(now).map(RotatedKey::from).collect();
    signing.remember(new, now);
    Ok(Json(RotatedKeys { keys }))
}
