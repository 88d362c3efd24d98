//! Answers that are no errors.

use std::fmt;

use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use peregrine_core::idempotency::{FirstAnswer, KeyUsed};
use peregrine_core::validation::Input;
use serde::Serialize;

use crate::entity_tag::tagged;
use crate::error::ApiError;

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// 201 with the created resource, or 202 with work that has been promised, and where it is to be found. A repeated
/// request gets the first answer again, with `Idempotent-Replayed: true`.
pub struct Created {
    answer: FirstAnswer,
    is_replayed: bool,
    is_secret: bool,
}

impl Created {
    /// A resource that is now found at `location`.
    ///
    /// # Errors
    /// 500 for what can't be expressed in JSON.
    pub fn at(location: String, resource: &impl Serialize) -> Result<Self, ApiError> {
        Self::with_status(StatusCode::CREATED, location, resource)
    }

    /// Work that will be done, and can be looked at at `location`.
    ///
    /// # Errors
    /// 500 for what can't be expressed in JSON.
    pub fn accepted(location: String, resource: &impl Serialize) -> Result<Self, ApiError> {
        Self::with_status(StatusCode::ACCEPTED, location, resource)
    }

    /// Something that will be done, and that cannot be looked at.
    ///
    /// # Errors
    /// 500 for what can't be expressed in JSON.
    pub fn told(message: &impl Serialize) -> Result<Self, ApiError> {
        Self::with_status(StatusCode::ACCEPTED, String::new(), message)
    }

    fn with_status(status: StatusCode, location: String, resource: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_string(resource).map_err(|error| ApiError::Internal(error.into()))?;
        let answer = FirstAnswer { status: status.as_u16(), location, body };
        Ok(Self { answer, is_replayed: false, is_secret: false })
    }

    /// The same, where the resource holds a secret that is shown this once: no repetition gets it, and nothing is said
    /// of it in an `ETag`.
    #[must_use]
    pub fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// The answer to a request whose idempotency key has been used.
    ///
    /// # Errors
    /// 422 if another request used it, 409 while the first one is still running, or if its answer held a secret.
    pub fn again(used: KeyUsed) -> Result<Self, ApiError> {
        match used {
            KeyUsed::SameRequest(answer) => Ok(Self { answer, is_replayed: true, is_secret: false }),
            KeyUsed::OtherRequest => {
                let location = ["header", "idempotency-key"];
                Err(ApiError::rule_broken(&location, "the key was used for another request", Input::Null))
            }
            KeyUsed::SecretAnswer => {
                Err(ApiError::Conflict("The request was answered with a secret, which is shown once"))
            }
            KeyUsed::StillRunning => Err(ApiError::Conflict("A request with this key is still being processed")),
        }
    }

    /// What to remember for a repetition of the request, unless it is secret.
    pub(crate) fn repeatable(&self) -> Option<&FirstAnswer> {
        (!self.is_secret).then_some(&self.answer)
    }
}

impl fmt::Debug for Created {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What it says may be secret.
        formatter.debug_struct("Created").field("location", &self.answer.location).finish_non_exhaustive()
    }
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        let mut response = tagged(self.answer.body.into_bytes());
        if self.is_secret {
            response.headers_mut().remove(ETAG);
        }
        *response.status_mut() = StatusCode::from_u16(self.answer.status).unwrap_or(StatusCode::CREATED);
        // Locations are made of fixed words and UUIDs, which are valid in headers. What can't be looked at has none.
        let location = Some(self.answer.location).filter(|location| !location.is_empty());
        if let Some(Ok(location)) = location.map(HeaderValue::try_from) {
            response.headers_mut().insert(LOCATION, location);
        }
        if self.is_replayed {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// 204: done, and there is nothing to say. It names JSON as its type all the same, as FastAPI does.
#[derive(Debug, Clone, Copy)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        let content_type = (axum::http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        (StatusCode::NO_CONTENT, [content_type]).into_response()
    }
}
