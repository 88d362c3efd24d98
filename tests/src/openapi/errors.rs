//! The error answers that operations share, one for each status.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::headers;

/// An error answer that is the same wherever it is given.
pub(super) struct SharedError {
    /// The status code.
    pub(super) status: &'static str,
    /// The name in the document's components.
    name: &'static str,
    /// What it means.
    description: &'static str,
    /// A sentence of such an answer; `None` where the answer lists faults.
    sentence: Option<&'static str>,
    /// The header fields of its own.
    headers: &'static [&'static str],
    /// Where it can be given without a handler's saying so.
    pub(super) given: Given,
}

/// Which operations can give an error answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// Those whose handlers say so.
    WhereNamed,
    /// All.
    Everywhere,
    /// All that count towards a limit.
    WhereLimited,
}

const fn error(
    status: &'static str,
    name: &'static str,
    description: &'static str,
    sentence: Option<&'static str>,
) -> SharedError {
    SharedError { status, name, description, sentence, headers: &[], given: Given::WhereNamed }
}

/// All of them.
pub(super) const ERRORS: [SharedError; 13] = [
    SharedError {
        given: Given::Everywhere,
        ..error(
            "400",
            "BadRequest",
            "The request can't be read, or names a host that is not served here.",
            Some("There was an error parsing the body"),
        )
    },
    SharedError {
        headers: &["WWW-Authenticate"],
        ..error(
            "401",
            "Unauthorized",
            "It is not known who calls: credentials are missing or not valid.",
            Some("Could not validate credentials"),
        )
    },
    error("403", "Forbidden", "The caller is known and may not.", Some("Not enough permissions")),
    error("404", "NotFound", "There is no such resource.", Some("Item not found")),
    error(
        "409",
        "Conflict",
        "The request contradicts the current state: a name is taken, or somebody else was faster.",
        Some("User already exists"),
    ),
    error(
        "412",
        "PreconditionFailed",
        "The resource is no longer in the state that `If-Match` names.",
        Some("Precondition Failed"),
    ),
    error("413", "ContentTooLarge", "The body is larger than is read here.", Some("The request body is too large")),
    error("422", "UnprocessableContent", "The request has faults. All of them are listed.", None),
    error(
        "428",
        "PreconditionRequired",
        "The request must say in `If-Match` which state it changes.",
        Some("Precondition Required"),
    ),
    SharedError {
        headers: &["Retry-After"],
        given: Given::WhereLimited,
        ..error(
            "429",
            "TooManyRequests",
            "Too many requests have come from this user or address.",
            Some("Too Many Requests"),
        )
    },
    SharedError {
        given: Given::Everywhere,
        ..error(
            "500",
            "InternalServerError",
            "The system has failed. The cause is in its log, under the request's id.",
            Some("Internal Server Error"),
        )
    },
    SharedError {
        headers: &["Retry-After"],
        given: Given::Everywhere,
        ..error(
            "503",
            "ServiceUnavailable",
            "The same request may work in a moment.",
            Some("Service busy, please try again"),
        )
    },
    SharedError {
        given: Given::Everywhere,
        ..error(
            "504",
            "GatewayTimeout",
            "The answer took too long. Whether the request had an effect is not known.",
            Some("Gateway Timeout"),
        )
    },
];

impl SharedError {
    /// A reference to the answer, with a description of its own if it has one.
    pub(super) fn reference(&self, description: String) -> RefOr<Response> {
        let mut reference = Ref::from_response_name(self.name);
        reference.description = description;
        RefOr::Ref(reference)
    }

    fn response(&self) -> Response {
        let (plain, detailed) =
            if self.sentence.is_some() { ("Problem", "ProblemDetails") } else { ("Invalid", "InvalidDetails") };
        let plain = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(plain)))
            .example(self.sentence.map(|detail| json!({ "detail": detail })));
        let detailed = ContentBuilder::new().schema(Some(Ref::from_schema_name(detailed)));
        let mut response = ResponseBuilder::new()
            .description(self.description)
            .content("application/json", plain.build())
            .content("application/problem+json", detailed.build())
            .build();
        headers::add(&mut response, headers::ALWAYS);
        // What every operation can answer, those without limits can too.
        if self.given != Given::Everywhere {
            headers::add(&mut response, headers::WHERE_LIMITED);
        }
        headers::add(&mut response, self.headers);
        response
    }
}

/// The answers by their names in the document's components.
pub(super) fn responses() -> BTreeMap<String, RefOr<Response>> {
    ERRORS.iter().map(|error| (error.name.to_owned(), error.response().into())).collect()
}
