//! The error answers that operations share, one for each status.

use std::collections::BTreeMap;

use peregrine_core::item::NewItem;
use peregrine_core::validation::{self, Fault, Origin, Rules};
use peregrine_http::error::{ApiError, Invalid, InvalidDetails, Problem, ProblemDetails};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::Schema;
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
    /// Such an error.
    example: fn() -> ApiError,
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
    example: fn() -> ApiError,
) -> SharedError {
    SharedError { status, name, description, example, headers: &[], given: Given::WhereNamed }
}

/// All of them.
pub(super) const ERRORS: [SharedError; 13] = [
    SharedError {
        given: Given::Everywhere,
        ..error("400", "BadRequest", "The request can't be read, or names a host that is not served here.", || {
            ApiError::UnreadableBody
        })
    },
    SharedError {
        headers: &["WWW-Authenticate"],
        ..error("401", "Unauthorized", "It is not known who calls: credentials are missing or not valid.", || {
            ApiError::Unauthenticated("Could not validate credentials")
        })
    },
    error("403", "Forbidden", "The caller is known and may not.", || ApiError::Forbidden),
    error("404", "NotFound", "There is no such resource.", || ApiError::NotFound("Item not found")),
    error(
        "409",
        "Conflict",
        "The request contradicts the current state: a name is taken, or somebody else was faster.",
        || ApiError::Conflict("User already exists"),
    ),
    error("412", "PreconditionFailed", "The resource is no longer in the state that `If-Match` names.", || {
        ApiError::PreconditionFailed
    }),
    error("413", "ContentTooLarge", "The body is larger than is read here.", || ApiError::TooLarge),
    error("422", "UnprocessableContent", "The request has faults. All of them are listed.", || {
        ApiError::Invalid(faults())
    }),
    error("428", "PreconditionRequired", "The request must say in `If-Match` which state it changes.", || {
        ApiError::PreconditionRequired
    }),
    SharedError {
        headers: &["Retry-After"],
        given: Given::WhereLimited,
        ..error("429", "TooManyRequests", "Too many requests have come from this user or address.", || {
            ApiError::TooManyRequests { retry_after: 1 }
        })
    },
    SharedError {
        given: Given::Everywhere,
        ..error(
            "500",
            "InternalServerError",
            "The system has failed. The cause is in its log, under the request's id.",
            || ApiError::Internal("a cause".into()),
        )
    },
    SharedError {
        headers: &["Retry-After"],
        given: Given::Everywhere,
        ..error("503", "ServiceUnavailable", "The same request may work in a moment.", || ApiError::Busy)
    },
    SharedError {
        given: Given::Everywhere,
        ..error(
            "504",
            "GatewayTimeout",
            "The answer took too long. Whether the request had an effect is not known.",
            || ApiError::TimedOut,
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
        let error = (self.example)();
        assert_eq!(error.status().as_str(), self.status, "{error:?} is what {} stands for", self.name);
        let is_list = matches!(error, ApiError::Invalid(_));
        let (plain, detailed) = if is_list { ("Invalid", "InvalidDetails") } else { ("Problem", "ProblemDetails") };
        let (plain_example, detailed_example) = examples(&error);
        let plain = ContentBuilder::new().schema(Some(Ref::from_schema_name(plain))).example(Some(plain_example));
        let detailed =
            ContentBuilder::new().schema(Some(Ref::from_schema_name(detailed))).example(Some(detailed_example));
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

/// What the API writes for an error, in FastAPI's form and as problem details.
fn examples(error: &ApiError) -> (Value, Value) {
    let (status, detail) = (error.status(), error.sentence());
    let title = status.canonical_reason().expect("every status that is given has a name");
    let (r#type, status) = ("about:blank", status.as_u16());
    if let ApiError::Invalid(faults) = error {
        let detailed = InvalidDetails { r#type, title, status, detail, errors: faults };
        (json!(Invalid { detail: faults }), json!(detailed))
    } else {
        (json!(Problem { detail }), json!(ProblemDetails { r#type, title, status, detail }))
    }
}

/// What validation finds in an item without a name.
fn faults() -> Vec<Fault> {
    let nameless = validation::json::parse(br#"{"name": "", "price": 9.5}"#).expect("the example is JSON");
    validation::validate::<NewItem>(&nameless, Origin::Json, "body", Rules::default())
        .expect_err("an item needs a name")
}

/// The answers by their names in the document's components.
pub(super) fn responses() -> BTreeMap<String, RefOr<Response>> {
    ERRORS.iter().map(|error| (error.name.to_owned(), error.response().into())).collect()
}

/// The schemas of the forms that errors have.
pub(super) fn schemas() -> BTreeMap<String, RefOr<Schema>> {
    fn named<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
    let mut schemas = Vec::new();
    named::<Problem<'_>>(&mut schemas);
    named::<Invalid<'_>>(&mut schemas);
    named::<ProblemDetails<'_>>(&mut schemas);
    named::<InvalidDetails<'_>>(&mut schemas);
    schemas.into_iter().collect()
}
