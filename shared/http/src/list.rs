//! Lists: how a page is asked for, and how the next one is offered.

use std::convert::Infallible;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::http::request::Parts as RequestParts;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use peregrine_core::page::{Cursors, Page, PageRequest};
use peregrine_core::validation::{Input, Validate, urlencoded};
use serde::Serialize;
use utoipa::IntoParams;

use crate::error::ApiError;

/// Which page of a list is wanted.
#[derive(Debug, Clone, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many entries to pass over first. Each costs as much as one that is shown: to read a long list, follow the
    /// `Link` header instead.
    #[param(default = 0, minimum = 0, maximum = 10_000)]
    pub skip: u32,
    /// Most entries of the page.
    #[param(default = 10, minimum = 1, maximum = 100)]
    pub limit: u32,
    /// Where the page before ended, from its `Link` header.
    #[param(max_length = 1024)]
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The page that is asked for, of the list of this name.
    ///
    /// # Errors
    /// 422 if the cursor isn't one of this list.
    pub fn of_list(&self, list: &str, cursors: &Cursors) -> Result<PageRequest, ApiError> {
        let after = self.cursor.as_deref().map(|cursor| {
            cursors
                .open(list, cursor)
                .map_err(|error| ApiError::rule_broken(&["query", "cursor"], &error.to_string(), Input::text(cursor)))
        });
        Ok(PageRequest { limit: self.limit as usize, skip: self.skip as usize, after: after.transpose()? })
    }
}

/// A page as an answer: a bare array, with the next page's address in a `Link` header (RFC 8288).
#[derive(Debug)]
pub struct List<T> {
    entries: Vec<T>,
    link: Option<String>,
}

impl<T> List<T> {
    /// The answer to a request at `address` for a page of the list of this name.
    pub fn of<E: Into<T>>(page: Page<E>, list: &str, cursors: &Cursors, address: &Address) -> Self {
        let link = page.next.map(|next| {
            let kept = address.query.iter().filter(|(name, _)| name != "cursor" && name != "skip").cloned();
            let mut query: Vec<_> = kept.collect();
            if next.skip > 0 {
                query.push(("skip".to_owned(), next.skip.to_string()));
            }
            query.push(("cursor".to_owned(), cursors.seal(list, &next.after)));
            let pairs: Vec<_> =
                query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
            format!("<{}?{}>; rel=\"next\"", address.path, pairs.join("&"))
        });
        Self { entries: page.entries.into_iter().map(Into::into).collect(), link }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.entries).into_response();
        // A path and percent-encoded pairs are always valid in a header.
        if let Some(link) = self.link.and_then(|link| HeaderValue::try_from(link).ok()) {
            response.headers_mut().insert(LINK, link);
        }
        response
    }
}

/// Where the request came from and went, for links in answers.
#[derive(Debug, Clone)]
pub struct Address {
    /// The path, as the client sees it.
    pub path: String,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut RequestParts, _: &S) -> Result<Self, Infallible> {
        let query = urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Self { path: parts.uri.path().to_owned(), query })
    }
}
