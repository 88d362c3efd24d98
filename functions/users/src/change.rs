//! What PUT, PATCH and DELETE have in common: to read a user, to decide, and to write only if nobody else has.

use futures_util::future::join;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::limit::{Occasion, Policy, Subject};
use peregrine_core::table::{Also, ConditionalWriteError, UpdateUserError};
use peregrine_core::user::{User, UserView};
use peregrine_http::caller::{REFUSED, Scoped, UsersWrite};
use peregrine_http::counting::count_besides;
use peregrine_http::error::ApiError;
use peregrine_http::pace::count_mail_to;
use peregrine_http::race::Race;
use peregrine_http::user_path::USER_NOT_FOUND;
use uuid::Uuid;

use crate::UsersState;
use crate::circumstances::Circumstances;
use crate::confirm::{Changer, Confirmation};
use crate::letters::address_to_confirm;

/// The answer to a name that somebody has.
pub(crate) const NAME_TAKEN: ApiError = ApiError::Conflict("User already exists");
/// What whoever has lost every race is told.
const OUTDATED: &str = "User was changed by somebody else, please try again";

/// A change that a caller may make.
pub(crate) struct Permitted<'a> {
    /// Who makes it.
    pub(crate) caller: &'a Changer,
    /// What it goes by.
    pub(crate) circumstances: &'a Circumstances,
    /// That the caller has shown their current password, if it was asked for.
    pub(crate) confirmation: Option<Confirmation>,
    /// The new password's hash, if there is one.
    pub(crate) password_hash: Option<String>,
    /// Whether an email address is named, which may be the same.
    pub(crate) is_address_named: bool,
}

impl UsersState {
    /// The user with this id; the caller, if that is who it is, has been read already.
    ///
    /// # Errors
    /// 404 if there is none.
    pub(crate) async fn find(&self, id: Uuid, caller: &User) -> Result<User, ApiError> {
        if caller.id == id {
            return Ok(caller.clone());
        }
        self.users.find(id).await?.ok_or(USER_NOT_FOUND)
    }

    /// Makes a change to a user, and with it the password's hash if there is a new one; with both go what is kept on
    /// record of it and the mails about it. If somebody else is faster, the change is made to what they have left,
    /// unless the request was made for another state, or they have ended the caller's session. Only an admin takes a
    /// name that is kept for the first administrator.
    ///
    /// # Errors
    /// 409 for a name that is taken and after too many lost races, 412 if the request was made for another state, 401
    /// if the caller's session has ended, 404 if the user has gone, 429 for too many mails.
    pub(crate) async fn change(
        &self,
        permitted: &Permitted<'_>,
        user: User,
        change: impl Fn(&User) -> User,
    ) -> Result<User, ApiError> {
        let changed = self.try_change(permitted, user, change).await;
        if let (Err(_), Some(confirmation)) = (&changed, &permitted.confirmation) {
            self.confirmed_in_vain(confirmation).await;
        }
        changed
    }

    async fn try_change(
        &self,
        permitted: &Permitted<'_>,
        mut user: User,
        change: impl Fn(&User) -> User,
    ) -> Result<User, ApiError> {
        let Permitted { caller, circumstances, confirmation, password_hash, is_address_named } = permitted;
        let mut race = Race::new(OUTDATED);
        let mut is_counted = false;
        loop {
            circumstances.precondition.check(&UserView::from(user.clone()))?;
            let changed = change(&user);
            let new_names = &changed.unique_names() - &user.unique_names();
            if !caller.is_admin() && !new_names.is_disjoint(&self.first_admin.unique_names()) {
                return Err(NAME_TAKEN);
            }
            let (both, is_password_new) = ((&user, &changed), password_hash.is_some());
            let base_url = &circumstances.base_url;
            let to_confirm = address_to_confirm(&user, &changed, *is_address_named);
            let letters = self.letters_of_change(both, to_confirm, is_password_new, base_url);
            let is_renamed = changed.username != user.username;
            if (to_confirm.is_some() || (is_renamed && !letters.is_empty())) && !is_counted {
                // Nobody buries one warning under others.
                count_besides(&self.limiter, Policy::Mail, &Subject::User(caller.user.id)).await?;
                if let Some(address) = to_confirm {
                    count_mail_to(&self.limiter, address, Occasion::Verification).await?;
                }
                is_counted = true;
            }
            let events = self.events_of_change(both, is_password_new, caller.user.id, circumstances);
            let confirmed = confirmation.iter().map(|confirmation| self.confirmed(confirmation));
            let also = confirmed.fold(Also::nothing(), Also::and);
            let also = events.iter().fold(also, |also, event| also.and(self.audit.record(event)));
            let also = letters.iter().fold(also, |also, letter| also.and_promise(self.jobs.promise(letter)));
            match self.users.update(&user, &changed, password_hash.as_deref(), &also).await {
                Ok(()) => return Ok(changed),
                Err(UpdateUserError::NameTaken(_)) => return Err(NAME_TAKEN),
                Err(UpdateUserError::Outdated | UpdateUserError::Refused) => race.lost()?,
                Err(UpdateUserError::Table(error)) => return Err(error.into()),
            }
            user = self.users.find(user.id).await?.ok_or(USER_NOT_FOUND)?;
            ensure_session_goes_on(caller, &user)?;
        }
    }

    /// Deletes a user, whatever it is like by now, unless the request was made for a certain state; then what the user
    /// has signed in with.
    ///
    /// # Errors
    /// 412 if the request was made for another state, 409 after too many lost races, 401 if the caller's session has
    /// ended, 404 if somebody else was faster.
    pub(crate) async fn delete(
        &self,
        caller: &Scoped<UsersWrite>,
        mut user: User,
        circumstances: &Circumstances,
    ) -> Result<(), ApiError> {
        let address = circumstances.client.address;
        let event = AuditEvent::new(AuditAction::AccountDeleted, user.id, address, self.clock.now(), &self.random);
        let also = Also::nothing().and(self.audit.record(&event.by(Some(caller.user.id))));
        let mut race = Race::new(OUTDATED);
        loop {
            circumstances.precondition.check(&UserView::from(user.clone()))?;
            match self.users.delete(&user, &also).await {
                Ok(()) => break,
                Err(ConditionalWriteError::Outdated) => race.lost()?,
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
            user = self.users.find(user.id).await?.ok_or(USER_NOT_FOUND)?;
            ensure_session_goes_on(caller, &user)?;
        }
        let deleted = join(self.credentials.delete_all(user.id), self.one_time_tokens.delete_all(user.id)).await;
        for error in [deleted.0.err(), deleted.1.err()].into_iter().flatten() {
            // The account is gone, as was asked. What is left opens nothing without its user.
            tracing::error!(user_id = %user.id, %error, "credentials of a deleted user are left");
        }
        Ok(())
    }
}

/// Refuses to go on with a request of a session that has ended meanwhile: whoever has changed the password or ended the
/// session meant that nothing more is done by it.
fn ensure_session_goes_on<P>(caller: &Scoped<UsersWrite, P>, user: &User) -> Result<(), ApiError> {
    let is_over = user.id == caller.user.id && caller.session.is_some_and(|session| !user.accepts(session));
    if is_over { Err(REFUSED) } else { Ok(()) }
}
