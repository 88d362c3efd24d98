//! Paths that name a user.

use peregrine_core::validation::Validate;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::error::ApiError;

/// The answer to an id that nobody has.
pub const USER_NOT_FOUND: ApiError = ApiError::NotFound("User not found");

/// The user that a path names.
#[derive(Debug, IntoParams, Validate)]
#[into_params(parameter_in = Path)]
pub struct UserPath {
    /// The user's id.
    pub user_id: Uuid,
}
