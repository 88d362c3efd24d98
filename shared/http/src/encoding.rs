//! Which form of a body a client takes (RFC 9110 section 12.5.3).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;

use crate::weights::weighted;

/// A form in which a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Compressed.
    Gzip,
    /// As it is.
    Identity,
}

impl Encoding {
    /// The form that the client likes best, compressed if it doesn't mind. Who does not speak of encodings gets the
    /// body as it is; so does who refuses both, for a refusal would help nobody.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let (mut gzip, mut identity, mut others) = (None, None, None);
        for (coding, weight) in weighted(headers, ACCEPT_ENCODING) {
            if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
                gzip = Some(weight);
            } else if coding.eq_ignore_ascii_case("identity") {
                identity = Some(weight);
            } else if coding == "*" {
                others = Some(weight);
            }
        }
        let gzip = gzip.or(others).unwrap_or_default();
        if gzip > 0 && gzip >= identity.unwrap_or_default() { Self::Gzip } else { Self::Identity }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accepted(lines: &[&'static str]) -> Encoding {
        let lines = lines.iter().map(|line| (ACCEPT_ENCODING, HeaderValue::from_static(line)));
        Encoding::accepted(&lines.collect())
    }

    #[test]
    fn who_accepts_gzip_gets_it() {
        for line in [
            "gzip",
            "gzip, deflate, br, zstd",
            "br;q=1.0, gzip;q=0.8, *;q=0.1",
            "GZIP",
            "x-gzip",
            "*",
            "*;q=0.1",
            "deflate,gzip ; q=0.001",
            "gzip;Q=1.000",
            "gzip;q=0.5, identity;q=0.5",
            "identity;q=0, *",
        ] {
            assert_eq!(accepted(&[line]), Encoding::Gzip, "{line}");
        }
        assert_eq!(accepted(&["br", "gzip"]), Encoding::Gzip, "in a field of its own");
    }

    #[test]
    fn who_does_not_accept_gzip_gets_the_body_as_it_is() {
        for line in [
            "",
            "identity",
            "br, deflate",
            "gzip;q=0",
            "gzip;q=0.000, *",
            "*;q=0",
            "gzip;q=0, identity;q=0",
            "identity, gzip;q=0.5",
            "identity;q=1, *;q=0.9",
            "gzip;q=2",
            "gzip;q=1.001",
            "gzip;q=0.1234",
            "gzip;q=-1",
            "gzip;q=",
            "gzipped",
        ] {
            assert_eq!(accepted(&[line]), Encoding::Identity, "{line}");
        }
        assert_eq!(accepted(&[]), Encoding::Identity, "the field is absent");
    }
}
