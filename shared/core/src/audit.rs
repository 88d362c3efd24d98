//! Security events: who did what to whose account, for admins to read.

mod action;
mod view;

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use crate::job::later;
use crate::random::Random;

pub use action::{AuditAction, UnknownAction};
pub use view::AuditEventView;

/// How long an event can be read: a year.
pub const KEPT: std::time::Duration = std::time::Duration::from_hours(365 * 24);

/// A security event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Identifies the event. A `UUIDv7`: its time is the event's.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub action: AuditAction,
    /// Whose account it concerns. The nil UUID stands for an account that does not exist, or for the whole system.
    pub user_id: Uuid,
    /// Who did it, where that is known: an admin, or the user.
    pub actor_id: Option<Uuid>,
    /// From which address.
    pub address: IpAddr,
    /// More about it, without secrets, names and addresses of people: the id of a session or key, the new scopes, or
    /// what was wrong or shown.
    pub detail: Option<String>,
}

impl AuditEvent {
    /// An event of an account, done by its owner.
    pub fn new(action: AuditAction, user_id: Uuid, address: IpAddr, now: Timestamp, random: &Random) -> Self {
        Self { id: random.uuid(now), at: now, action, user_id, actor_id: Some(user_id), address, detail: None }
    }

    /// The same, done by somebody else, or by nobody who is known.
    #[must_use]
    pub fn by(self, actor_id: Option<Uuid>) -> Self {
        Self { actor_id, ..self }
    }

    /// The same, with more about it. Nothing secret, and no name or address of a person.
    #[must_use]
    pub fn about(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// When the event is forgotten.
    pub fn expires_at(&self) -> Timestamp {
        later(self.at, KEPT)
    }
    /// Whether it is to be forgotten, though DynamoDB may not have deleted it yet.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }
}
