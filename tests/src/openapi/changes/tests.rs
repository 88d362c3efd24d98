use serde_json::{Value, json};

use super::between;

/// A document with an operation that takes and gives a `Thing`.
fn document() -> Value {
    json!({
        "paths": { "/things": { "post": {
            "operationId": "create_thing",
            "parameters": [{ "name": "page", "in": "query", "required": false, "schema": { "type": "integer", "default": 1, "maximum": 9 } }],
            "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/NewThing" } } } },
            "responses": {
                "200": {
                    "headers": { "ETag": { "$ref": "#/components/headers/ETag" } },
                    "content": { "application/json": { "schema": { "type": "array", "items": { "$ref": "#/components/schemas/Thing" } } } }
                },
                "404": { "$ref": "#/components/responses/NotFound" }
            },
            "security": [{ "oauth2": ["write"] }, { "bearer": [] }]
        } } },
        "components": {
            "schemas": {
                "NewThing": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": { "type": "string", "minLength": 1, "maxLength": 50, "pattern": "^a" },
                        "color": { "$ref": "#/components/schemas/Color" },
                        "size": { "type": "integer" },
                        "note": { "type": ["string", "null"] },
                        "parent": { "oneOf": [{ "$ref": "#/components/schemas/NewThing" }, { "type": "null" }] }
                    }
                },
                "Thing": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": { "type": "string", "maxLength": 50 },
                        "color": { "$ref": "#/components/schemas/Color" },
                        "size": { "type": "integer" },
                        "made": { "type": "string", "format": "date-time" }
                    }
                },
                "Color": { "type": "string", "enum": ["red", "blue"] }
            },
            "headers": { "ETag": { "schema": { "type": "string" } } },
            "responses": { "NotFound": { "content": { "application/json": { "schema": { "type": "object" } } } } },
            "securitySchemes": {
                "oauth2": { "type": "oauth2", "flows": { "password": { "tokenUrl": "/token", "scopes": { "write": "" } } } },
                "bearer": { "type": "http", "scheme": "bearer" }
            }
        }
    })
}

const OPERATION: &str = "/paths/~1things/post";
const NEW: &str = "/components/schemas/NewThing";
const SHOWN: &str = "/components/schemas/Thing";

/// What is found when the value at `pointer` is replaced; by null, when it is taken away.
fn changed(pointer: &str, value: Value) -> Vec<String> {
    let (old, mut new) = (document(), document());
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = new.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
    let name = name.replace("~1", "/");
    if value.is_null() {
        parent.remove(&name).unwrap();
    } else {
        parent.insert(name, value);
    }
    between(&old, &new).iter().map(ToString::to_string).collect()
}

macro_rules! finds {
    ($($promise:ident: $pointer:expr, $value:tt => [$($found:literal),* $(,)?];)*) => {
        $(#[test]
        fn $promise() {
            assert_eq!(changed(&$pointer, json!($value)), [$($found),*] as [&str; _]);
        })*
    };
}

finds! {
    texts_for_people_are_no_change: format!("{NEW}/description"), "A thing" => [];
    a_lost_operation_breaks: "/paths/~1things", null => ["breaking: `POST /things` is gone"];
    a_new_operation_does_not: "/paths/~1more", {"get": {}} => ["compatible: `GET /more` is new"];
    another_operation_id_breaks: format!("{OPERATION}/operationId"), "make" =>
        ["breaking: the operationId of `POST /things` was `create_thing` and is `make`"];

    a_lost_parameter_breaks: format!("{OPERATION}/parameters"), [] =>
        ["breaking: query parameter `page` of `POST /things` is gone"];
    a_parameter_that_becomes_required_breaks: format!("{OPERATION}/parameters/0/required"), true =>
        ["breaking: query parameter `page` of `POST /things` is now required"];
    another_default_breaks: format!("{OPERATION}/parameters/0/schema/default"), 2 =>
        ["breaking: the default of query parameter `page` of `POST /things` was `1` and is `2`"];
    a_narrower_parameter_breaks: format!("{OPERATION}/parameters/0/schema/maximum"), 5 =>
        ["breaking: `maximum` of query parameter `page` of `POST /things` was `9` and is `5`"];

    another_type_of_body_breaks: format!("{OPERATION}/requestBody/content"), {"text/plain": {"schema": {}}} => [
        "breaking: the request body of `POST /things` is no longer `application/json`",
        "compatible: the request body of `POST /things` may now be `text/plain`",
    ];
    a_lost_request_field_breaks: format!("{NEW}/properties/size"), null =>
        ["breaking: request `NewThing.size` is gone"];
    a_new_request_field_does_not: format!("{NEW}/properties/more"), {"type": "string"} =>
        ["compatible: request `NewThing.more` is new"];
    a_field_that_becomes_required_breaks: format!("{NEW}/required"), ["name", "size"] =>
        ["breaking: request `NewThing.size` is now required"];
    a_field_that_becomes_optional_does_not: format!("{NEW}/required"), [] =>
        ["compatible: request `NewThing.name` may now be left out"];
    a_narrower_bound_breaks: format!("{NEW}/properties/name/maxLength"), 40 =>
        ["breaking: `maxLength` of request `NewThing.name` was `50` and is `40`"];
    a_higher_lower_bound_breaks: format!("{NEW}/properties/name/minLength"), 2 =>
        ["breaking: `minLength` of request `NewThing.name` was `1` and is `2`"];
    a_first_bound_breaks: format!("{NEW}/properties/size/minimum"), 0 =>
        ["breaking: `minimum` of request `NewThing.size` was none and is `0`"];
    a_wider_bound_does_not: format!("{NEW}/properties/name/maxLength"), 60 =>
        ["compatible: `maxLength` of request `NewThing.name` was `50` and is `60`"];
    another_pattern_breaks: format!("{NEW}/properties/name/pattern"), "^b" =>
        ["breaking: the pattern of request `NewThing.name` was `^a` and is `^b`"];
    no_pattern_any_more_does_not: format!("{NEW}/properties/name/pattern"), null =>
        ["compatible: request `NewThing.name` needs no pattern any more"];
    another_type_breaks: format!("{NEW}/properties/size/type"), "string" =>
        ["breaking: request `NewThing.size` was integer and is string"];
    a_wider_type_in_requests_does_not: format!("{NEW}/properties/size/type"), "number" =>
        ["compatible: request `NewThing.size` was integer and is number"];
    null_that_is_no_longer_taken_breaks: format!("{NEW}/properties/note/type"), "string" =>
        ["breaking: request `NewThing.note` may no longer be null"];
    an_unknown_keyword_breaks: format!("{NEW}/properties/size/multipleOf"), 2 =>
        ["breaking: request `NewThing.size` has changed in `multipleOf`, which may break anything"];

    a_lost_response_field_breaks: format!("{SHOWN}/properties/size"), null =>
        ["breaking: response `Thing.size` is gone"];
    a_new_response_field_does_not: format!("{SHOWN}/properties/more"), {"type": "string"} =>
        ["compatible: response `Thing.more` is new"];
    a_response_field_that_may_be_absent_breaks: format!("{SHOWN}/required"), [] =>
        ["breaking: response `Thing.name` may now be absent"];
    a_wider_type_in_answers_breaks: format!("{SHOWN}/properties/size/type"), "number" =>
        ["breaking: response `Thing.size` was integer and is number"];
    null_in_answers_breaks: format!("{SHOWN}/properties/size/type"), ["integer", "null"] =>
        ["breaking: response `Thing.size` may now be null"];
    a_wider_bound_in_answers_does_not: format!("{SHOWN}/properties/name/maxLength"), 60 =>
        ["compatible: `maxLength` of response `Thing.name` was `50` and is `60`"];
    another_format_in_answers_breaks: format!("{SHOWN}/properties/made/format"), "date" =>
        ["breaking: the format of response `Thing.made` was `date-time` and is `date`"];
    another_success_breaks: format!("{OPERATION}/responses/202"), {} =>
        ["breaking: answer 202 of `POST /things` is new"];
    another_error_does_not: format!("{OPERATION}/responses/409"), {} =>
        ["compatible: answer 409 of `POST /things` is new"];
    another_error_body_breaks: "/components/responses/NotFound/content/application~1json/schema/type", "string" =>
        ["breaking: answer 404 of `POST /things` was object and is string"];
    a_lost_header_breaks: format!("{OPERATION}/responses/200/headers"), {} =>
        ["breaking: header `ETag` of answer 200 of `POST /things` is gone"];

    a_new_enum_value_breaks_readers_only: "/components/schemas/Color/enum", ["red", "blue", "green"] => [
        "breaking: response `Color` has the new value \"green\"",
        "compatible: request `Color` has the new value \"green\"",
    ];
    a_lost_enum_value_breaks: "/components/schemas/Color/enum", ["red"] => [
        "breaking: request `Color` no longer has the value \"blue\"",
        "breaking: response `Color` no longer has the value \"blue\"",
    ];

    a_further_scope_breaks: format!("{OPERATION}/security"), [{"oauth2": ["write", "admin"]}, {"bearer": []}] =>
        ["breaking: `POST /things` now asks for the scope `admin`"];
    a_lost_way_to_authenticate_breaks: format!("{OPERATION}/security"), [{"oauth2": ["write"]}] =>
        ["breaking: `POST /things` no longer takes `bearer`"];
    a_further_way_to_authenticate_does_not:
        format!("{OPERATION}/security"), [{"oauth2": ["write"]}, {"bearer": []}, {"apiKey": []}] =>
        ["compatible: `POST /things` now takes `apiKey`"];
    an_operation_for_everybody_breaks_nobody: format!("{OPERATION}/security"), null =>
        ["compatible: `POST /things` is now for everybody"];
    another_token_address_breaks: "/components/securitySchemes/oauth2/flows/password/tokenUrl", "/login" =>
        ["breaking: security scheme `oauth2` works in another way"];
    a_scope_that_nothing_asks_for_does_not: "/components/securitySchemes/oauth2/flows/password/scopes", {} => [];
}

#[test]
fn an_operation_that_begins_to_ask_who_calls_breaks() {
    let (mut old, new) = (document(), document());
    old.pointer_mut(OPERATION).and_then(Value::as_object_mut).unwrap().remove("security");
    let found: Vec<_> = between(&old, &new).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["breaking: `POST /things` now asks who calls"]);
}

#[test]
fn a_new_parameter_breaks_only_if_it_is_required() {
    let with = |required| {
        let parameters = json!([document().pointer(OPERATION).unwrap()["parameters"][0],
            { "name": "X-Key", "in": "header", "required": required, "schema": { "type": "string" } }]);
        changed(&format!("{OPERATION}/parameters"), parameters)
    };
    assert_eq!(with(true), ["breaking: header parameter `x-key` of `POST /things` is new and required"]);
    assert_eq!(with(false), ["compatible: header parameter `x-key` of `POST /things` is new"]);
}
