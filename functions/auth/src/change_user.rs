use peregrine_core::table::{Also, UpdateUserError};
use peregrine_core::user::User;
use peregrine_http::error::ApiError;
use peregrine_http::race::Race;

use crate::AuthState;

/// What whoever has lost every race is told.
const OUTDATED: &str = "User was changed by somebody else, please try again";

/// What is to become of a user.
pub(crate) struct UserChange<'a> {
    user: User,
    password_hash: Option<&'a str>,
    also: Also<'a>,
    refusal: ApiError,
}

impl<'a> UserChange<'a> {
    /// The user as it is to be, and what happens with it or not at all.
    pub(crate) fn to(user: User, also: Also<'a>) -> Self {
        Self { user, password_hash: None, also, refusal: ApiError::Conflict(OUTDATED) }
    }

    /// With this password's hash.
    pub(crate) fn with_password(self, hash: &'a str) -> Self {
        Self { password_hash: Some(hash), ..self }
    }

    /// With the answer to whoever comes too late for what belongs to the change, such as a code that was used
    /// meanwhile.
    pub(crate) fn or(self, refusal: impl Into<ApiError>) -> Self {
        Self { refusal: refusal.into(), ..self }
    }
}

impl AuthState {
    /// Changes a user. If somebody else is faster, the change is made to what they have left: `change` makes it from
    /// the user as read last. It ends the matter by an error, or by `None` if there is nothing left to do.
    ///
    /// The answer is the user as it is then; `None` if it was not changed, because it is gone or `change` said so.
    ///
    /// # Errors
    /// 409 if the user keeps being changed by others, or would have an address that another one has; what the change
    /// says if a condition of what belongs to it fails.
    pub(crate) async fn change_user<'a>(
        &self,
        mut user: User,
        change: impl Fn(&User) -> Result<Option<UserChange<'a>>, ApiError>,
    ) -> Result<Option<User>, ApiError> {
        let mut race = Race::new(OUTDATED);
        loop {
            let Some(UserChange { user: changed, password_hash, also, refusal }) = change(&user)? else {
                return Ok(None);
            };
            match self.users.update(&user, &changed, password_hash, &also).await {
                Ok(()) => return Ok(Some(changed)),
                Err(UpdateUserError::Refused) => return Err(refusal),
                // The one name that changes here is an address that is confirmed, and only who reads its mail learns
                // this.
                Err(UpdateUserError::NameTaken(_)) => {
                    return Err(ApiError::Conflict("Another account has this address"));
                }
                Err(UpdateUserError::Outdated) => race.lost()?,
                Err(UpdateUserError::Table(error)) => return Err(error.into()),
            }
            match self.users.find(user.id).await? {
                Some(stored) => user = stored,
                None => return Ok(None),
            }
        }
    }
}
