//! What PUT, PATCH and DELETE have in common: to read a user, to decide, and to write only if nobody else has.

use peregrine_core::table::{Also, ConditionalWriteError, UpdateUserError};
use peregrine_core::user::{User, UserView};
use peregrine_http::caller::{Scoped, UsersWrite};
use peregrine_http::error::ApiError;
use peregrine_http::precondition::Precondition;
use peregrine_http::race::Race;
use uuid::Uuid;

use crate::UsersState;

/// The answer to a name that somebody has.
pub(crate) const NAME_TAKEN: ApiError = ApiError::Conflict("User already exists");
/// The answer to an id that nobody has.
pub(crate) const NOT_FOUND: ApiError = ApiError::NotFound("User not found");
/// What whoever has lost every race is told.
const OUTDATED: &str = "User was changed by somebody else, please try again";

impl UsersState {
    /// The user with this id; the caller, if that is who it is, has been read already.
    pub(crate) async fn find(&self, id: Uuid, caller: &User) -> Result<User, ApiError> {
        if caller.id == id {
            return Ok(caller.clone());
        }
        self.users.find(id).await?.ok_or(NOT_FOUND)
    }

    /// Makes a change to a user, and with it the password's hash if there is a new one. If somebody else is faster, the
    /// change is made to what they have left, unless the request was made for another state. Only an admin takes a name
    /// that is kept for the first administrator.
    pub(crate) async fn change(
        &self,
        caller: &Scoped<UsersWrite>,
        mut user: User,
        precondition: &Precondition,
        password_hash: Option<&str>,
        change: impl Fn(&User) -> User,
    ) -> Result<User, ApiError> {
        let mut race = Race::new(OUTDATED);
        loop {
            precondition.check(&UserView::from(user.clone()))?;
            let changed = change(&user);
            let new_names = &changed.unique_names() - &user.unique_names();
            if !caller.is_admin() && !new_names.is_disjoint(&self.first_admin.unique_names()) {
                return Err(NAME_TAKEN);
            }
            match self.users.update(&user, &changed, password_hash, &Also::nothing()).await {
                Ok(()) => return Ok(changed),
                Err(UpdateUserError::NameTaken) => return Err(NAME_TAKEN),
                Err(UpdateUserError::Outdated | UpdateUserError::Refused) => race.lost()?,
                Err(UpdateUserError::Table(error)) => return Err(error.into()),
            }
            user = self.users.find(user.id).await?.ok_or(NOT_FOUND)?;
        }
    }

    /// Deletes a user, whatever it is like by now, unless the request was made for a certain state.
    pub(crate) async fn delete(&self, mut user: User, precondition: &Precondition) -> Result<(), ApiError> {
        let mut race = Race::new(OUTDATED);
        loop {
            precondition.check(&UserView::from(user.clone()))?;
            match self.users.delete(&user, &Also::nothing()).await {
                Ok(()) => return Ok(()),
                Err(ConditionalWriteError::Outdated) => race.lost()?,
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
            user = self.users.find(user.id).await?.ok_or(NOT_FOUND)?;
        }
    }
}
