use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::response::IntoResponse;
use peregrine_http::encoding::Encoding;
use peregrine_http::error::ApiError;

use crate::embedded::Embedded;

/// The repository's `openapi.json`, without the white space.
const DOCUMENT: Embedded =
    Embedded { gzip: include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz")), content_type: "application/json" };

/// The OpenAPI document of the whole API.
pub(crate) async fn read_document(headers: HeaderMap) -> Result<impl IntoResponse, ApiError> {
    let encoding = Encoding::accepted(&headers);
    // Two forms of one resource are told apart by their tags (RFC 9110 section 8.8.3.3).
    let tag = match encoding {
        Encoding::Gzip => concat!("\"", env!("DOCUMENT_HASH"), "-gzip\""),
        Encoding::Identity => concat!("\"", env!("DOCUMENT_HASH"), "\""),
    };
    Ok(([(ETAG, tag), (CACHE_CONTROL, "public, max-age=300")], DOCUMENT.answer(encoding)?))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_document_is_the_one_that_is_checked_in() {
        let checked_in: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
        let served: Value = serde_json::from_slice(&DOCUMENT.plain().unwrap()).unwrap();
        assert_eq!(served, checked_in);
    }

    #[test]
    fn the_compressed_document_is_smaller_than_40_kb() {
        assert!(DOCUMENT.gzip.len() < 40_000, "{} bytes", DOCUMENT.gzip.len());
    }
}
