//! Writes error answers, in FastAPI's form or as RFC 9457 problem details, as the client accepts them.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::error::{FAULTS, Invalid, InvalidDetails, Problem, ProblemDetails, Said};
use crate::weights::weighted;

const PROBLEM_JSON: &str = "application/problem+json";

/// Gives an answer that says something its body.
pub(crate) fn write(response: &mut Response, as_problem: bool) {
    let Some(said) = response.extensions_mut().remove::<Said>() else { return };
    let written = if as_problem { problem(response.status(), &said) } else { detail(&said) };
    // Both forms are made of text, numbers and lists, which JSON can express.
    let body = written.unwrap_or_default();
    let content_type = if as_problem { PROBLEM_JSON } else { "application/json" };
    // The router has noted the length of the body that was not there yet.
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
}

fn detail(said: &Said) -> serde_json::Result<Vec<u8>> {
    match said {
        Said::Sentence(detail) => serde_json::to_vec(&Problem { detail }),
        Said::Faults(faults) => serde_json::to_vec(&Invalid { detail: faults }),
    }
}

fn problem(status: StatusCode, said: &Said) -> serde_json::Result<Vec<u8>> {
    let title = status.canonical_reason().unwrap_or("Error");
    let (r#type, status) = ("about:blank", status.as_u16());
    match said {
        Said::Sentence(detail) => serde_json::to_vec(&ProblemDetails { r#type, title, status, detail }),
        Said::Faults(errors) => {
            let detail = FAULTS;
            serde_json::to_vec(&InvalidDetails { r#type, title, status, detail, errors })
        }
    }
}

/// Whether the client names problem details as what it accepts, and likes plain JSON no better (RFC 9110 section
/// 12.5.1).
pub(crate) fn is_accepted(headers: &HeaderMap) -> bool {
    let (mut problem, mut json) = (0, 0);
    for (media_type, weight) in weighted(headers, ACCEPT) {
        if media_type.eq_ignore_ascii_case(PROBLEM_JSON) {
            problem = weight;
        } else if media_type.eq_ignore_ascii_case("application/json") {
            json = weight;
        }
    }
    problem > 0 && problem >= json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_details_are_for_those_who_ask_for_them() {
        for (accept, expected) in [
            ("application/problem+json", true),
            ("application/json, application/problem+json", true),
            ("application/json;q=0.5, Application/Problem+JSON; q=0.9", true),
            ("application/json, application/problem+json;q=0.9", false),
            ("application/problem+json;q=0", false),
            ("*/*", false),
            ("application/*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(is_accepted(&headers), expected, "{accept}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }
}
