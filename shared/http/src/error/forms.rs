//! The forms of error answers, as they are written and as the API's document shows them.

use peregrine_core::validation::Fault;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};

/// An error answer of one sentence.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem<'a> {
    /// What is wrong.
    #[schema(example = "Item not found")]
    pub detail: &'a str,
}

/// The answer to a request with faults: all of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invalid<'a> {
    /// Every fault of the request.
    #[schema(value_type = Vec<ValidationError>)]
    pub detail: &'a [Fault],
}

/// An error answer for whoever accepts `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDetails<'a> {
    /// What kind of problem it is: always `about:blank`, because the status says it all.
    #[schema(format = "uri-reference", example = "about:blank")]
    pub r#type: &'a str,
    /// The status in words.
    #[schema(example = "Not Found")]
    pub title: &'a str,
    /// The status code.
    #[schema(minimum = 400, maximum = 599, example = 404)]
    pub status: u16,
    /// What is wrong.
    #[schema(example = "Item not found")]
    pub detail: &'a str,
}

/// All faults of a request, for whoever accepts `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct InvalidDetails<'a> {
    /// What kind of problem it is: always `about:blank`, because the status says it all.
    #[schema(format = "uri-reference", example = "about:blank")]
    pub r#type: &'a str,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    pub title: &'a str,
    /// The status code.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    pub status: u16,
    /// Where to look.
    #[schema(example = "The request is not valid; see `errors`")]
    pub detail: &'a str,
    /// Every fault of the request.
    #[schema(value_type = Vec<ValidationError>)]
    pub errors: &'a [Fault],
}

/// One fault of a request.
#[derive(Debug, ToSchema)]
pub struct ValidationError {
    /// What kind of fault it is.
    #[schema(example = "string_too_short")]
    pub r#type: String,
    /// Where it is: names and list indexes, from `body`, `query`, `path` or `header` down.
    #[schema(schema_with = location)]
    pub loc: Vec<String>,
    /// What is wrong, for people.
    #[schema(example = "String should have at least 1 character")]
    pub msg: String,
    /// What was sent there. Secrets are masked.
    #[schema(schema_with = input)]
    pub input: String,
    /// The figures of the broken constraint.
    #[schema(schema_with = context, required = false)]
    pub ctx: Option<String>,
}

/// The schema of a fault's location.
fn location() -> Schema {
    let segment = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Integer]));
    let description = "Where it is: names and list indexes, from `body`, `query`, `path` or `header` down.";
    let example = serde_json::json!(["body", "name"]);
    ArrayBuilder::new().items(segment).description(Some(description)).examples([example]).into()
}

/// The schema of what was sent: anything.
fn input() -> Schema {
    let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    anything.description(Some("What was sent there. Secrets are masked.")).examples([""]).into()
}

/// The schema of a fault's figures.
fn context() -> Schema {
    let object = ObjectBuilder::new().description(Some("The figures of the broken constraint."));
    object.examples([serde_json::json!({"min_length": 1})]).into()
}
