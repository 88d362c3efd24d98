use peregrine_core::validation::Validate;
use utoipa::IntoParams;
use uuid::Uuid;

/// The item that a path names.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Path)]
pub(crate) struct ItemPath {
    /// The item's id.
    pub(crate) item_id: Uuid,
}
