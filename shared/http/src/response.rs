//! Answers that are no errors.

use axum::Json;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// 201 with the created resource, and where it is to be found.
#[derive(Debug)]
pub struct Created<T> {
    location: String,
    resource: T,
}

impl<T> Created<T> {
    /// A resource that is now found at `location`.
    pub fn at(location: String, resource: T) -> Self {
        Self { location, resource }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, Json(self.resource)).into_response();
        // Locations are made of fixed words and UUIDs, which are valid in headers.
        if let Ok(location) = HeaderValue::try_from(self.location) {
            response.headers_mut().insert(LOCATION, location);
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
