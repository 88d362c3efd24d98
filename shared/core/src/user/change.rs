//! What becomes of a user.

use jiff::Timestamp;
use uuid::Uuid;

use super::{NewUser, User, UserPatch};
use crate::email::Email;
use crate::validation::Change;

/// Sessions that are remembered as ended, at the most. One takes about 70 bytes of the 400 KB that a row may have.
const MOST_ENDED_SESSIONS: usize = 100;

impl User {
    /// The user with all that the owner may set replaced. Id, rights and the time of sign-up stay. A password is among
    /// it, so all sessions end.
    #[must_use]
    pub fn replaced_by(&self, new: &NewUser, now: Timestamp) -> Self {
        self.with_new_password(now).with_all_of(new)
    }

    /// The same where the password only shows who asks for it and stays as it is, and so do the sessions.
    #[must_use]
    pub fn replaced_but_for_password(&self, new: &NewUser, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }.with_all_of(new)
    }

    fn with_all_of(self, new: &NewUser) -> Self {
        let email_is_kept = self.email == new.email;
        Self {
            email: new.email.clone(),
            pending_email: None,
            username: new.username.as_str().to_owned(),
            full_name: new.full_name.clone(),
            age: new.age,
            address: new.address.clone(),
            is_verified: self.is_verified && email_is_kept,
            ..self
        }
    }

    /// What a change of `old` comes to where a new address must be confirmed before it is anybody's: until then the old
    /// one stays. So whoever changes theirs learns nothing of whose the new one is.
    #[must_use]
    pub fn awaiting_confirmation(self, old: &Self) -> Self {
        if self.email == old.email {
            return self;
        }
        Self { email: old.email.clone(), pending_email: Some(self.email), is_verified: old.is_verified, ..self }
    }

    /// The user with the changes made. The password is not part of a user, so its change is the caller's to make.
    #[must_use]
    pub fn patched_by(&self, patch: &UserPatch, now: Timestamp) -> Self {
        let mut user = self.clone();
        if let Some(email) = patch.email.clone().set() {
            user.is_verified &= user.email == email;
            user.pending_email = None;
            user.email = email;
        }
        if let Some(username) = patch.username.clone().set() {
            user.username = username.into_string();
        }
        patch.full_name.clone().apply_to(&mut user.full_name);
        patch.age.clone().apply_to(&mut user.age);
        patch.address.clone().apply_to(&mut user.address);
        if let Some(is_active) = patch.is_active.clone().set() {
            if user.is_active && !is_active {
                user.end_all_sessions();
                user.api_key_epoch += 1;
            }
            user.is_active = is_active;
        }
        if let Some(scopes) = patch.scopes.clone().set() {
            user.scopes = scopes;
        }
        if matches!(patch.password, Change::Set(_)) {
            user.end_all_sessions();
            user.pending_email = None;
            user.has_generated_password = false;
        }
        user.updated_at = now;
        user.version += 1;
        user
    }

    /// The user whose address has been shown to be theirs.
    #[must_use]
    pub fn verified(&self, now: Timestamp) -> Self {
        Self { is_verified: true, updated_at: now, version: self.version + 1, ..self.clone() }
    }

    /// The user after an address has been shown to be theirs: the one that was waiting for that, which becomes theirs
    /// by it, or the one that they have. `is_it` says whether an address is the one; `None` if neither is.
    #[must_use]
    pub fn confirmed(&self, is_it: impl Fn(&Email) -> bool, now: Timestamp) -> Option<Self> {
        if let Some(pending) = self.pending_email.as_ref().filter(|pending| is_it(pending)) {
            return Some(Self { email: pending.clone(), pending_email: None, ..self.verified(now) });
        }
        is_it(&self.email).then(|| self.verified(now))
    }

    /// The user after one session has been ended. Nothing that answers show has changed, so neither has `updated_at`.
    ///
    /// `tokens_until` is when the session's last access token expires. Whoever ends very many sessions in that time
    /// ends all of them, because a row has an end.
    #[must_use]
    pub fn with_session_ended(&self, id: Uuid, tokens_until: Timestamp, now: Timestamp) -> Self {
        let mut user = self.clone();
        user.ended_sessions.retain(|_, until| *until > now);
        if user.ended_sessions.len() < MOST_ENDED_SESSIONS {
            user.ended_sessions.insert(id, tokens_until);
        } else {
            user.end_all_sessions();
        }
        user.version += 1;
        user
    }

    /// The user after all sessions have been ended at once.
    #[must_use]
    pub fn with_all_sessions_ended(&self) -> Self {
        let mut user = self.clone();
        user.end_all_sessions();
        user.version += 1;
        user
    }

    /// The user as it is once a new password is set: all sessions end with the old one, and an address that waits to be
    /// confirmed is forgotten, for whoever has named it may be why there is a new password. The password itself is not
    /// part of a user.
    #[must_use]
    pub fn with_new_password(&self, now: Timestamp) -> Self {
        let user = self.with_all_sessions_ended();
        Self { updated_at: now, pending_email: None, has_generated_password: false, ..user }
    }

    /// The user as it is once the password was reset by a link in a mail. API keys end too: whoever had the account may
    /// have made some to come back by. The address is theirs, for they have read its mail.
    #[must_use]
    pub fn with_password_reset(&self, now: Timestamp) -> Self {
        Self { is_verified: true, api_key_epoch: self.api_key_epoch + 1, ..self.with_new_password(now) }
    }

    /// The user after a second factor has been set up or removed. All sessions end: whoever has signed in before has
    /// not shown what a sign-in takes now (OWASP ASVS 7.4.3).
    #[must_use]
    pub fn with_second_factor(&self, has_second_factor: bool) -> Self {
        Self { has_second_factor, ..self.with_all_sessions_ended() }
    }

    fn end_all_sessions(&mut self) {
        self.session_epoch += 1;
        // They belong to epochs that are over.
        self.ended_sessions.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::session::SessionRef;
    use crate::user::FirstAdmin;

    #[test]
    fn whoever_ends_very_many_sessions_one_by_one_ends_them_all() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let admin = FirstAdmin::new(Email::from_stored("root@example.com".to_owned()));
        let mut user = admin.account(now, &Random::system());
        let kept = SessionRef { id: Uuid::from_u128(u128::MAX), epoch: user.session_epoch };
        for id in 0..100 {
            user = user.with_session_ended(Uuid::from_u128(id), later(now, 1), now);
        }
        assert!(user.accepts(kept));
        let forgetful = user.with_session_ended(Uuid::from_u128(100), later(now, 2), later(now, 1));
        assert!(forgetful.accepts(kept), "those whose tokens have expired make room");
        let full = user.with_session_ended(Uuid::from_u128(100), later(now, 1), now);
        assert!(!full.accepts(kept), "rather too many sessions end than a row grows without end");
        assert!(full.ended_sessions.is_empty());
    }

    fn later(time: Timestamp, seconds: i64) -> Timestamp {
        time + jiff::SignedDuration::from_secs(seconds)
    }
}
