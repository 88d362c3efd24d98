use peregrine_core::table::{TableError, Users};
use peregrine_core::user::User;
use uuid::Uuid;

/// What is read of a caller's row besides the user: nothing, `()`, or the [`PasswordHash`]. The row is read once, so
/// whoever needs more of it says so by the type of the caller.
pub trait Projection: Sized + Send {
    /// The user with this id, as of now, and what is read besides.
    ///
    /// # Errors
    /// See [`TableError`].
    fn find(users: &Users, id: Uuid) -> impl Future<Output = Result<Option<(User, Self)>, TableError>> + Send;
}

/// What the caller's password is verified with, for whatever asks for the current one. It can't be printed.
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash in PHC string format.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Projection for () {
    async fn find(users: &Users, id: Uuid) -> Result<Option<(User, Self)>, TableError> {
        Ok(users.find(id).await?.map(|user| (user, ())))
    }
}

impl Projection for PasswordHash {
    async fn find(users: &Users, id: Uuid) -> Result<Option<(User, Self)>, TableError> {
        let found = users.find_with_hash(Some(id)).await?;
        Ok(found.map(|found| (found.user, Self(found.password_hash))))
    }
}
