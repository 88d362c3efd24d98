//! What every operation can answer, and the header fields that answers carry.

use std::collections::BTreeSet;

use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, Ref, RefOr, Response};

use super::errors::{ERRORS, Given};
use super::{headers, operations};

/// The tag of the operations that count towards no limit.
const UNLIMITED: &str = "meta";

/// Completes the answers of all operations.
pub(super) fn complete(document: &mut OpenApi) {
    let resources = resources(document);
    for (method, operation) in operations(document) {
        let is_limited = is_limited(operation);
        let is_paged = takes(operation, "cursor");
        for error in &ERRORS {
            let is_given = match error.given {
                Given::WhereNamed => false,
                Given::Everywhere => true,
                Given::WhereLimited => is_limited,
            };
            let named = operation.responses.responses.get_mut(error.status);
            if let Some(named) = named {
                if let RefOr::T(response) = named
                    && is_shared(response)
                {
                    *named = error.reference(std::mem::take(&mut response.description));
                }
            } else if is_given {
                operation.responses.responses.insert(error.status.to_owned(), error.reference(String::new()));
            }
        }
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                complete_response(status, response, (is_limited, is_paged), &resources);
            }
        }
        match method {
            HttpMethod::Get => offer_not_modified(operation),
            HttpMethod::Post => tell_repetitions(operation),
            _ => {}
        }
    }
}

/// Whether an answer is a plain error, and no form of an operation's own.
fn is_shared(response: &Response) -> bool {
    let plain = [Ref::from_schema_name("Problem"), Ref::from_schema_name("Invalid")];
    schema_of(response).is_none_or(|schema| plain.iter().any(|plain| plain.ref_location == schema))
}

fn is_limited(operation: &Operation) -> bool {
    !operation.tags.iter().flatten().any(|tag| tag == UNLIMITED)
}

/// The schemas of single resources: what is read by an id, and so has a state that an `ETag` names.
fn resources(document: &OpenApi) -> BTreeSet<String> {
    let by_id = document.paths.paths.iter().filter(|(path, _)| path.ends_with('}'));
    let shown = by_id.filter_map(|(_, item)| match item.get.as_ref()?.responses.responses.get("200")? {
        RefOr::T(response) => schema_of(response),
        RefOr::Ref(_) => None,
    });
    shown.collect()
}

/// The schema of an answer's content, if it is one that has a name.
fn schema_of(response: &Response) -> Option<String> {
    match response.content.get("application/json")? {
        RefOr::T(content) => match content.schema.as_ref()? {
            RefOr::Ref(schema) => Some(schema.ref_location.clone()),
            RefOr::T(_) => None,
        },
        RefOr::Ref(_) => None,
    }
}

fn is_list(response: &Response) -> bool {
    response.content.values().any(
        |content| matches!(content, RefOr::T(content) if matches!(content.schema, Some(RefOr::T(Schema::Array(_))))),
    )
}

fn complete_response(
    status: &str,
    response: &mut Response,
    (is_limited, is_paged): (bool, bool),
    resources: &BTreeSet<String>,
) {
    headers::add(response, headers::ALWAYS);
    if is_limited {
        headers::add(response, headers::WHERE_LIMITED);
    }
    let is_resource = schema_of(response).is_some_and(|schema| resources.contains(&schema));
    if status == "201" || (status == "202" && is_resource) {
        headers::add(response, &["Location"]);
    }
    if is_paged && is_list(response) {
        headers::add(response, &["Link"]);
    }
    if is_resource {
        headers::add(response, &["ETag"]);
    }
    if response.description.is_empty() {
        // The specification demands a description, and utoipa leaves it out where a handler gives none.
        let description = match status {
            "201" => "Created.",
            "202" => "Accepted: it will be done.",
            "204" => "Done. The answer has no body.",
            _ if status >= "400" => "Error.",
            _ => "Successful response.",
        };
        description.clone_into(&mut response.description);
    }
}

/// Whoever has a resource's `ETag` may ask whether it still is the current one.
fn offer_not_modified(operation: &mut Operation) {
    let shows_state = operation
        .responses
        .responses
        .get("200")
        .is_some_and(|response| matches!(response, RefOr::T(response) if response.headers.contains_key("ETag")));
    if !shows_state {
        return;
    }
    if !takes(operation, "If-None-Match") {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.push(RefOr::Ref(Ref::new("#/components/parameters/IfNoneMatch")));
    }
    operation.responses.responses.insert("304".to_owned(), RefOr::Ref(Ref::from_response_name(NOT_MODIFIED)));
}

/// The operation whose answer is shown once, whoever asks again.
const SHOWN_ONCE: &str = "create_api_key";

/// Whoever may send a request twice is told whether the answer is the first one again.
fn tell_repetitions(operation: &mut Operation) {
    if !takes(operation, "Idempotency-Key") || operation.operation_id.as_deref() == Some(SHOWN_ONCE) {
        return;
    }
    for status in ["201", "202"] {
        if let Some(RefOr::T(created)) = operation.responses.responses.get_mut(status) {
            headers::add(created, &["Idempotent-Replayed"]);
        }
    }
}

/// Whether an operation reads a header field of this name.
fn takes(operation: &Operation, name: &str) -> bool {
    operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name.eq_ignore_ascii_case(name)))
}

/// The name of [`not_modified`] in the document's components.
pub(super) const NOT_MODIFIED: &str = "NotModified";

/// The answer to whoever has the current state of a resource.
pub(super) fn not_modified() -> Response {
    let mut response = Response::new("The client has the current state already.");
    headers::add(&mut response, headers::ALWAYS);
    headers::add(&mut response, headers::WHERE_LIMITED);
    headers::add(&mut response, &["ETag"]);
    response
}
