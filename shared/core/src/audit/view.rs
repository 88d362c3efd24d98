use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{AuditAction, AuditEvent};

/// A security event as answers show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditEventView {
    /// Identifies the event.
    #[schema(example = "0198f3c4-12ab-7d10-9f3e-6b5a4c3d2e1f")]
    pub id: Uuid,
    /// When it happened.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub at: Timestamp,
    /// What happened.
    pub action: AuditAction,
    /// Whose account it concerns, which may have been deleted since. The nil UUID stands for a name that nobody has,
    /// and for the whole system.
    #[schema(example = "0198f3c4-0000-7d10-9f3e-6b5a4c3d2e1f")]
    pub user_id: Uuid,
    /// Who did it, where that is known: the user, or an admin.
    #[schema(required = true, example = "0198f3c4-0000-7d10-9f3e-6b5a4c3d2e1f")]
    pub actor_id: Option<Uuid>,
    /// The network address that it came from.
    #[schema(value_type = String, example = "203.0.113.7")]
    pub address: IpAddr,
    /// More about it: the id of a session or key, the new scopes, or a word or two, such as `current password` where
    /// that was wrong.
    #[schema(required = true, example = "items:read items:write")]
    pub detail: Option<String>,
}

impl From<AuditEvent> for AuditEventView {
    fn from(event: AuditEvent) -> Self {
        let AuditEvent { id, at, action, user_id, actor_id, address, detail } = event;
        Self { id, at, action, user_id, actor_id, address, detail }
    }
}
