//! What PUT, PATCH and DELETE have in common: to read an item, to decide, and to write only if nobody else has.

use peregrine_core::item::{Item, ItemView};
use peregrine_core::table::ConditionalWriteError;
use peregrine_http::caller::{ItemsWrite, Scoped};
use peregrine_http::error::ApiError;
use peregrine_http::precondition::Precondition;
use peregrine_http::race::Race;
use uuid::Uuid;

use crate::ItemsState;

/// The answer to an id that no item has.
pub(crate) const NOT_FOUND: ApiError = ApiError::NotFound("Item not found");
/// What whoever has lost every race is told.
const OUTDATED: &str = "Item was changed by somebody else, please try again";

impl ItemsState {
    /// Makes a change to an item of the caller's, or anybody's if the caller is an admin. If somebody else is faster,
    /// the change is made to what they have left, unless the request was made for another state.
    pub(crate) async fn change(
        &self,
        caller: &Scoped<ItemsWrite>,
        id: Uuid,
        precondition: &Precondition,
        change: impl Fn(&Item) -> Result<Item, ApiError>,
    ) -> Result<Item, ApiError> {
        let mut race = Race::new(OUTDATED);
        loop {
            let item = self.find_writable(caller, id, precondition).await?;
            let changed = change(&item)?;
            match self.items.update(&item, &changed).await {
                Ok(()) => return Ok(changed),
                Err(ConditionalWriteError::Outdated) => race.lost()?,
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
        }
    }

    /// Deletes an item of the caller's, or anybody's if the caller is an admin, whatever it is like by now.
    pub(crate) async fn delete(
        &self,
        caller: &Scoped<ItemsWrite>,
        id: Uuid,
        precondition: &Precondition,
    ) -> Result<(), ApiError> {
        let mut race = Race::new(OUTDATED);
        loop {
            let item = self.find_writable(caller, id, precondition).await?;
            match self.items.delete(&item).await {
                Ok(()) => return Ok(()),
                Err(ConditionalWriteError::Outdated) => race.lost()?,
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
        }
    }

    /// The item as it is now, if the caller may change it and it is in the state that they expect.
    async fn find_writable(
        &self,
        caller: &Scoped<ItemsWrite>,
        id: Uuid,
        precondition: &Precondition,
    ) -> Result<Item, ApiError> {
        let item = self.items.find(id).await?.ok_or(NOT_FOUND)?;
        if item.owner_id != caller.user.id && !caller.is_admin() {
            return Err(ApiError::Forbidden);
        }
        precondition.check(&ItemView::from(item.clone()))?;
        Ok(item)
    }
}
