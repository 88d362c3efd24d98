//! Addresses of web pages, by the rules of pydantic's `HttpUrl`, which is made of the same `url` crate.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::validation::{Constraints, Context, Input, Report, Validate};

/// Most bytes of an address as it is sent, pydantic's own bound.
const MAX_LENGTH: usize = 2083;
const SCHEMES: [&str; 2] = ["http", "https"];

/// An absolute URL with the scheme `http` or `https`, normalised as browsers do it: scheme and host in lower case, the
/// host in Punycode, dots in the path resolved, the rest percent-encoded.
///
/// That the host may be asked for anything is not promised: it can be an address of a private network.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(value_type = String, format = "uri", min_length = 1, max_length = 2083, example = "https://example.com/")]
#[serde(try_from = "String", into = "String")]
pub struct WebUrl(Url);

/// Why a text is no [`WebUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebUrlError {
    /// It has more than 2083 bytes.
    #[error("URL should have at most {MAX_LENGTH} characters")]
    TooLong,
    /// It is empty.
    #[error("Input should be a valid URL, input is empty")]
    Empty,
    /// It is no absolute URL.
    #[error("Input should be a valid URL, {0}")]
    Malformed(url::ParseError),
    /// It has another scheme.
    #[error("URL scheme should be 'http' or 'https'")]
    Scheme,
}

impl WebUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// See [`WebUrlError`]; the sentences are pydantic's.
    pub fn parse(text: &str) -> Result<Self, WebUrlError> {
        if text.len() > MAX_LENGTH {
            return Err(WebUrlError::TooLong);
        }
        if text.is_empty() {
            return Err(WebUrlError::Empty);
        }
        Self::from_stored(text)
    }

    /// An address that was stored. It has been checked before, and may be longer than it was sent, because it is stored
    /// percent-encoded.
    ///
    /// # Errors
    /// What is stored is no such address.
    pub fn from_stored(text: &str) -> Result<Self, WebUrlError> {
        let url = Url::parse(text).map_err(WebUrlError::Malformed)?;
        if SCHEMES.contains(&url.scheme()) { Ok(Self(url)) } else { Err(WebUrlError::Scheme) }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address in its parts.
    pub(crate) fn parts(&self) -> &Url {
        &self.0
    }
}

impl TryFrom<String> for WebUrl {
    type Error = WebUrlError;

    fn try_from(text: String) -> Result<Self, WebUrlError> {
        Self::from_stored(&text)
    }
}

impl From<WebUrl> for String {
    fn from(url: WebUrl) -> Self {
        url.0.into()
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Validate for WebUrl {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let Input::String(text) = input else {
            return report.fault("url_type", "URL input should be a string or URL", input, None);
        };
        Self::parse(text).map_or_else(
            |error| {
                let (kind, context) = match error {
                    WebUrlError::TooLong => {
                        ("url_too_long", Context::of("max_length", Input::integer(MAX_LENGTH as i128)))
                    }
                    WebUrlError::Empty => ("url_parsing", Context::of("error", Input::text("input is empty"))),
                    WebUrlError::Malformed(fault) => {
                        ("url_parsing", Context::of("error", Input::text(fault.to_string())))
                    }
                    WebUrlError::Scheme => {
                        ("url_scheme", Context::of("expected_schemes", Input::text("'http' or 'https'")))
                    }
                };
                report.fault(kind, error.to_string(), input, Some(context))
            },
            Some,
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::validation::{Origin, Rules, validate};

    /// What pydantic says of the input, as the recording puts it.
    fn answer(input: &Input) -> Value {
        match validate::<WebUrl>(input, Origin::Json, "body", Rules::default()) {
            Ok(url) => json!({ "value": url }),
            Err(faults) => {
                let fault = serde_json::to_value(&faults[0]).unwrap();
                let mut shown = json!({ "type": fault["type"], "msg": fault["msg"] });
                if let Some(context) = fault.get("ctx") {
                    shown["ctx"] = context.clone();
                }
                shown
            }
        }
    }

    #[test]
    fn addresses_are_read_and_refused_as_by_pydantic() {
        let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/contract/urls.jsonl");
        let mut differing = Vec::new();
        for line in std::fs::read_to_string(recorded).unwrap().lines() {
            let mut expected: Value = serde_json::from_str(line).unwrap();
            let url = expected.as_object_mut().unwrap().remove("url").unwrap();
            let answer = answer(&Input::text(url.as_str().unwrap()));
            if answer != expected {
                differing.push(format!("{url}: expected {expected}, got {answer}"));
            }
        }
        assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
    }

    #[test]
    fn what_is_no_text_is_no_address() {
        for input in [Input::Null, Input::Bool(true), Input::integer(1), Input::Array(Vec::new()), Input::object([])] {
            let expected = json!({ "type": "url_type", "msg": "URL input should be a string or URL" });
            assert_eq!(answer(&input), expected, "{input:?}");
        }
    }
}
