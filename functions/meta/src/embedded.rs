use std::io::{self, Read as _};

use axum::http::HeaderValue;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse as _, Response};
use flate2::read::GzDecoder;
use peregrine_http::encoding::Encoding;
use peregrine_http::error::ApiError;

/// A file that the executable holds compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Embedded {
    /// The file, compressed by gzip.
    pub(crate) gzip: &'static [u8],
    /// What the file is.
    pub(crate) content_type: &'static str,
}

impl Embedded {
    /// The answer that brings the file in the given form.
    pub(crate) fn answer(self, encoding: Encoding) -> Result<Response, ApiError> {
        let headers = [(CONTENT_TYPE, self.content_type), (VARY, ACCEPT_ENCODING.as_str())];
        Ok(match encoding {
            Encoding::Gzip => {
                (headers, [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))], self.gzip).into_response()
            }
            Encoding::Identity => {
                (headers, self.plain().map_err(|error| ApiError::Internal(error.into()))?).into_response()
            }
        })
    }

    /// The file as it was.
    pub(crate) fn plain(self) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        GzDecoder::new(self.gzip).read_to_end(&mut plain)?;
        Ok(plain)
    }
}
