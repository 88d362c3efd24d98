//! What may be left out of a request, and what its header fields are called.

use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{OpenApi, RefOr, Required};

use super::operations;

/// Marks what has a default as optional. utoipa says so for an `Option` only; `#[derive(Validate)]` takes the default.
pub(super) fn complete(document: &mut OpenApi) {
    for (_, operation) in operations(document) {
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter {
                if parameter.schema.as_ref().is_some_and(has_default) {
                    parameter.required = Required::False;
                }
                if parameter.parameter_in == ParameterIn::Header {
                    capitalise(parameter);
                }
            }
        }
    }
    let components = document.components.get_or_insert_default();
    for schema in components.schemas.values_mut() {
        if let RefOr::T(Schema::Object(Object { required, properties, .. })) = schema {
            required.retain(|name| !properties.get(name).is_some_and(has_default));
        }
    }
}

/// Writes a header field's name as RFCs do: models say `if_match`, utoipa `if-match`, and people `If-Match`.
fn capitalise(parameter: &mut Parameter) {
    let words = parameter.name.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    });
    parameter.name = words.collect::<Vec<_>>().join("-");
}

fn has_default(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => object.default.is_some(),
        RefOr::T(Schema::Array(array)) => array.default.is_some(),
        RefOr::T(_) | RefOr::Ref(_) => false,
    }
}
