use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::user::User;
use uuid::Uuid;

use crate::UsersState;
use crate::circumstances::Circumstances;

impl UsersState {
    /// What goes on record of a change of a user, which `actor` has made.
    pub(crate) fn events_of_change(
        &self,
        (old, new): (&User, &User),
        is_password_new: bool,
        actor: Uuid,
        circumstances: &Circumstances,
    ) -> Vec<AuditEvent> {
        let event = |action| {
            AuditEvent::new(action, new.id, circumstances.client.address, self.clock.now(), &self.random)
                .by(Some(actor))
        };
        let mut events = Vec::new();
        if old.email != new.email {
            events.push(event(AuditAction::EmailChanged));
        } else if new.pending_email.is_some() && old.pending_email != new.pending_email {
            events.push(event(AuditAction::EmailChanged).about("to be confirmed"));
        }
        if old.username != new.username {
            events.push(event(AuditAction::UsernameChanged));
        }
        if old.scopes != new.scopes {
            events.push(event(AuditAction::ScopesChanged).about(new.scopes.to_string()));
        }
        match (old.is_active, new.is_active) {
            (true, false) => events.push(event(AuditAction::Deactivated)),
            (false, true) => events.push(event(AuditAction::Activated)),
            _ => {}
        }
        if is_password_new {
            events.push(event(AuditAction::PasswordChanged));
        }
        events
    }
}
