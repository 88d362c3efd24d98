//! The API's document: what it says of every operation, and what a change of it does to clients.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use tests::app::workspace;
use tests::openapi::{self, changes};

/// How many differences that break nobody are listed.
const MOST_COMPATIBLE: usize = 20;

fn document() -> Value {
    serde_json::to_value(openapi::document()).unwrap()
}

/// Every operation with its name.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    operations.collect()
}

/// Every value within, with its place.
fn walk<'a>(place: &str, value: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(place, value);
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                walk(&format!("{place}/{name}"), value, visit);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|value| walk(place, value, visit)),
        _ => {}
    }
}

/// `UPDATE_OPENAPI=1` renews the file unless that breaks clients; `UPDATE_OPENAPI=breaking` renews it all the same.
#[test]
fn the_document_that_is_checked_in_is_that_of_the_code() {
    let update = std::env::var_os("UPDATE_OPENAPI");
    let is_known = update.as_ref().is_none_or(|value| value == "1" || value == "breaking");
    assert!(is_known, "UPDATE_OPENAPI is `1` or `breaking`, not {update:?}");
    let path = workspace().join("openapi.json");
    let made = format!("{}\n", openapi::document().to_pretty_json().unwrap());
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    if checked_in == made {
        return;
    }
    let old = serde_json::from_str(&checked_in).unwrap_or_default();
    let found = changes::between(&old, &document());
    let is_breaking = found.iter().any(changes::Change::is_breaking);
    if update.is_some_and(|value| value == "breaking" || !is_breaking) {
        return std::fs::write(&path, &made).unwrap();
    }
    let (breaking, compatible): (Vec<_>, Vec<_>) = found.iter().partition(|change| change.is_breaking());
    let shown = breaking.iter().chain(compatible.iter().take(MOST_COMPATIBLE));
    let mut listed = String::new();
    for change in shown {
        writeln!(listed, "  {change}").unwrap();
    }
    if found.is_empty() {
        listed.push_str("  compatible: texts or order only\n");
    } else if let Some(more) = compatible.len().checked_sub(MOST_COMPATIBLE).filter(|more| *more > 0) {
        writeln!(listed, "  compatible: {more} more").unwrap();
    }
    let value = if is_breaking { "breaking" } else { "1" };
    panic!(
        "openapi.json is not that of the code:\n{listed}If that is meant, run `UPDATE_OPENAPI={value} cargo test --test \
         routers document::` and commit it."
    );
}

#[test]
fn every_operation_says_what_it_does_under_a_name_of_its_own() {
    let document = document();
    let mut names = BTreeSet::new();
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for (operation, said) in operations(&document) {
        for text in ["summary", "description"] {
            assert!(said[text].as_str().is_some_and(|text| !text.is_empty()), "{operation} has no {text}");
        }
        assert!(said["summary"].as_str().unwrap().len() < 80, "{operation}: the summary fits in a line");
        let name = said["operationId"].as_str().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name} is no name for generated code");
        assert!(names.insert(name), "{name} is the name of two operations");
        for tag in said["tags"].as_array().unwrap() {
            assert!(tags.contains(tag.as_str().unwrap()), "{operation}: {tag} is not described");
        }
    }
}

#[test]
fn every_field_has_an_example_and_a_description() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let text = schema.to_string();
            // Schemas that have a name have examples of their own.
            let is_shown = text.contains("\"example\"") || text.contains("\"examples\"") || text.contains("\"$ref\"");
            assert!(is_shown, "{name}.{field} has no example");
            assert!(text.contains("\"description\""), "{name}.{field} has no description");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    walk("", &document, &mut |place, value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            references.push((place.to_owned(), target));
        }
    });
    assert!(references.len() > 100);
    for (place, target) in references {
        assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target} of {place} is not there");
    }
}

#[test]
fn every_answer_has_a_description_and_every_error_both_forms() {
    let document = document();
    for (operation, said) in operations(&document) {
        let answers = said["responses"].as_object().unwrap();
        for status in ["400", "500", "503", "504"] {
            assert!(answers.contains_key(status), "{operation} can answer {status}");
        }
        assert_eq!(answers.contains_key("429"), said["tags"][0] != "meta", "{operation} has limits");
        for (status, answer) in answers {
            let target =
                answer["$ref"].as_str().map(|target| document.pointer(target.trim_start_matches('#')).unwrap());
            let answer = target.unwrap_or(answer);
            assert!(answer["description"].is_string(), "{status} of {operation} has no description");
            assert!(answer["headers"]["X-Request-ID"].is_object(), "{status} of {operation}");
            // Who asks for the state of the system gets it, whatever it is.
            let is_state = answer["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Readiness";
            if status.as_str() >= "400" && !is_state {
                let forms = ["application/json", "application/problem+json"];
                let named: Vec<_> = answer["content"].as_object().unwrap().keys().collect();
                assert_eq!(named, forms, "{status} of {operation}");
                let [plain, problem] = forms.map(|form| &answer["content"][form]["example"]);
                assert_eq!(problem["status"].to_string(), *status, "{operation}");
                let told = if status == "422" { &problem["errors"] } else { &problem["detail"] };
                assert_eq!(&plain["detail"], told, "{status} of {operation}: both forms say the same");
            }
        }
    }
}

#[test]
fn a_caller_is_asked_for_in_every_way_that_there_is() {
    let document = document();
    let declared = document["components"]["securitySchemes"].as_object().unwrap().keys();
    // What changes how somebody signs in takes no API key, so only that one may be missing.
    let schemes: Vec<_> = declared.filter(|name| *name != "apiKey").collect();
    let scopes =
        document["components"]["securitySchemes"]["oauth2"]["flows"]["password"]["scopes"].as_object().unwrap();
    assert!(scopes.values().all(|meaning| !meaning.as_str().unwrap().is_empty()));
    for (operation, said) in operations(&document) {
        let Some(alternatives) = said["security"].as_array() else { continue };
        let named: BTreeSet<_> = alternatives.iter().flat_map(|way| way.as_object().unwrap().keys()).collect();
        assert!(schemes.iter().all(|scheme| named.contains(scheme)), "{operation}");
        for scope in alternatives.iter().filter_map(|way| way["oauth2"].as_array()).flatten() {
            assert!(scopes.contains_key(scope.as_str().unwrap()), "{operation}: {scope} is no scope");
        }
    }
}

#[test]
fn what_has_a_default_may_be_left_out() {
    let document = document();
    for (operation, said) in operations(&document) {
        for parameter in said["parameters"].as_array().into_iter().flatten() {
            let has_default = parameter["schema"].get("default").is_some();
            assert!(!(has_default && parameter["required"] == true), "{operation}: {}", parameter["name"]);
        }
    }
    let form = &document["components"]["schemas"]["PasswordGrant"];
    assert_eq!(form["required"], serde_json::json!(["username", "password"]));
}

#[test]
fn an_answer_has_the_header_fields_that_follow_from_what_it_is() {
    let document = document();
    let mut showing: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (operation, said) in operations(&document) {
        let answers = said["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
        for header in answers.filter_map(|(_, answer)| answer["headers"].as_object()).flat_map(|headers| headers.keys())
        {
            let operations = showing.entry(header.clone()).or_default();
            // More than one of its answers may show it.
            if operations.last() != Some(&operation) {
                operations.push(operation.clone());
            }
        }
    }
    let creating = [
        "POST /api/v1/items",
        "POST /api/v1/notifications",
        "POST /api/v1/send-notification",
        "POST /api/v1/users",
        "POST /api/v1/users/{user_id}/notify",
        "POST /api/v1/verify-email/request",
    ];
    assert_eq!(showing["Idempotent-Replayed"], creating);
    showing.get_mut("Location").unwrap().retain(|operation| {
        // The one revives what was there; the other's answer holds a secret, so it is not remembered.
        operation != "POST /api/v1/jobs/{job_id}/retry" && operation != "POST /api/v1/users/me/api-keys"
    });
    assert_eq!(showing["Location"], creating);
    assert_eq!(
        showing["Link"],
        [
            "GET /api/v1/audit-events",
            "GET /api/v1/items",
            "GET /api/v1/jobs",
            "GET /api/v1/users",
            "GET /api/v1/users/me/sessions"
        ]
    );
    let of_one_resource = [
        "POST /api/v1/items",
        "GET /api/v1/items/{item_id}",
        "PATCH /api/v1/items/{item_id}",
        "PUT /api/v1/items/{item_id}",
        "DELETE /api/v1/jobs/{job_id}",
        "GET /api/v1/jobs/{job_id}",
        "POST /api/v1/jobs/{job_id}/retry",
        "GET /api/v1/me",
        "POST /api/v1/notifications",
        "GET /api/v1/protected",
        "POST /api/v1/send-notification",
        "GET /api/v1/suppressions/{email}",
        "POST /api/v1/users",
        "GET /api/v1/users/me",
        "PATCH /api/v1/users/me",
        "GET /api/v1/users/{user_id}",
        "PATCH /api/v1/users/{user_id}",
        "PUT /api/v1/users/{user_id}",
        "POST /api/v1/users/{user_id}/notify",
        "POST /api/v1/verify-email/request",
    ];
    assert_eq!(showing["ETag"], of_one_resource);
}

#[test]
fn whoever_reads_a_resource_may_ask_whether_it_has_changed() {
    let document = document();
    let mut offering = Vec::new();
    for (operation, said) in operations(&document) {
        let shows_state = said["responses"]["200"]["headers"].get("ETag").is_some();
        if operation.starts_with("GET") && shows_state {
            assert!(said["responses"].get("304").is_some(), "{operation}");
            assert!(said["parameters"].to_string().contains("None"), "{operation}");
            offering.push(operation);
        }
    }
    let reading = [
        "GET /api/v1/items/{item_id}",
        "GET /api/v1/jobs/{job_id}",
        "GET /api/v1/me",
        "GET /api/v1/protected",
        "GET /api/v1/suppressions/{email}",
        "GET /api/v1/users/me",
        "GET /api/v1/users/{user_id}",
    ];
    assert_eq!(offering, reading);
}
