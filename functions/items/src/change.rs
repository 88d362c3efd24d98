//! What PUT, PATCH and DELETE have in common: to read an item, to decide, and to write only if nobody else has.

use peregrine_core::item::Item;
use peregrine_core::table::ConditionalWriteError;
use peregrine_http::caller::{ItemsWrite, Scoped};
use peregrine_http::error::ApiError;
use uuid::Uuid;

use crate::ItemsState;

/// The answer to an id that no item has.
pub(crate) const NOT_FOUND: ApiError = ApiError::NotFound("Item not found");
/// The answer to whoever has lost every race.
const OUTDATED: ApiError = ApiError::Conflict("Item was changed by somebody else, please try again");
/// How often a lost race is run again.
const ATTEMPTS: usize = 4;

impl ItemsState {
    /// Makes a change to an item of the caller's, or anybody's if the caller is an admin. If somebody else is faster,
    /// the change is made to what they have left.
    pub(crate) async fn change(
        &self,
        caller: &Scoped<ItemsWrite>,
        id: Uuid,
        change: impl Fn(&Item) -> Result<Item, ApiError>,
    ) -> Result<Item, ApiError> {
        for _ in 0..ATTEMPTS {
            let item = self.find_writable(caller, id).await?;
            let changed = change(&item)?;
            match self.items.update(&item, &changed).await {
                Ok(()) => return Ok(changed),
                Err(ConditionalWriteError::Outdated) => {}
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
        }
        Err(OUTDATED)
    }

    /// Deletes an item of the caller's, or anybody's if the caller is an admin, whatever it is like by now.
    pub(crate) async fn delete(&self, caller: &Scoped<ItemsWrite>, id: Uuid) -> Result<(), ApiError> {
        for _ in 0..ATTEMPTS {
            let item = self.find_writable(caller, id).await?;
            match self.items.delete(&item).await {
                Ok(()) => return Ok(()),
                Err(ConditionalWriteError::Outdated) => {}
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
        }
        Err(OUTDATED)
    }

    async fn find_writable(&self, caller: &Scoped<ItemsWrite>, id: Uuid) -> Result<Item, ApiError> {
        let item = self.items.find(id).await?.ok_or(NOT_FOUND)?;
        if item.owner_id == caller.user.id || caller.is_admin() { Ok(item) } else { Err(ApiError::Forbidden) }
    }
}
