//! Conditional changes (RFC 9110 section 13): a change may name the state that it is made to, so that nobody's change
//! is lost silently.

use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use peregrine_core::validation::Fault;
use serde::Serialize;
use utoipa::IntoParams;

use crate::entity_tag::{EntityTags, tag_of};
use crate::error::ApiError;
use crate::request::{Part, Received};

/// The state of a resource that a change is made to, as `If-Match` names it; or that it must not be made to, as
/// `If-None-Match` does.
#[derive(Debug, Clone)]
pub struct Precondition {
    if_match: Option<EntityTags>,
    if_none_match: Option<EntityTags>,
    is_required: bool,
}

/// For the API's document; the fields are read by [`Precondition`].
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header, rename_all = "kebab-case")]
pub struct IfMatch {
    /// The `ETag` of the state that the change is made to. If somebody else has changed it since, the answer is 412.
    pub if_match: Option<String>,
}

impl Precondition {
    /// Compares with the resource as it is, in the form in which clients see it.
    ///
    /// # Errors
    /// 412 if it is in another state, 428 if none was named and a setting demands it.
    pub fn check(&self, current: &impl Serialize) -> Result<(), ApiError> {
        if self.is_required && self.if_match.is_none() {
            return Err(ApiError::PreconditionRequired);
        }
        if self.if_match.is_none() && self.if_none_match.is_none() {
            return Ok(());
        }
        let json = serde_json::to_vec(current).map_err(|error| ApiError::Internal(error.into()))?;
        let tag = tag_of(&json);
        let differs = self.if_match.as_ref().is_some_and(|tags| !tags.contain_strong(&tag));
        let is_known = self.if_none_match.as_ref().is_some_and(|tags| tags.contain(&tag));
        if differs || is_known { Err(ApiError::PreconditionFailed) } else { Ok(()) }
    }
}

impl Part for Precondition {
    fn read(received: &Received, _: &mut Vec<Fault>) -> Option<Self> {
        Some(Self {
            if_match: EntityTags::read(received.headers(), &IF_MATCH),
            if_none_match: EntityTags::read(received.headers(), &IF_NONE_MATCH),
            is_required: received.exchange.if_match_required(),
        })
    }
}
