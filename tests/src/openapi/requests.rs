//! What may be left out of a request.

use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{OpenApi, RefOr, Required};

use super::operations;

/// Marks what has a default as optional. utoipa says so for an `Option` only; `#[derive(Validate)]` takes the default.
pub(super) fn complete(document: &mut OpenApi) {
    for (_, operation) in operations(document) {
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter
                && parameter.schema.as_ref().is_some_and(has_default)
            {
                parameter.required = Required::False;
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

fn has_default(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => object.default.is_some(),
        RefOr::T(Schema::Array(array)) => array.default.is_some(),
        RefOr::T(_) | RefOr::Ref(_) => false,
    }
}
