//! Operations: their parameters, bodies, answers, and who may call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Comparison, Direction, paired, resolved, texts};

impl<'a> Comparison<'a> {
    pub(super) fn operations(&mut self) {
        for (path, old, new) in paired(self.old.get("paths"), self.new.get("paths")) {
            for (method, old, new) in paired(old, new) {
                let name = format!("`{} {path}`", method.to_uppercase());
                match (old, new) {
                    (Some(_), None) => self.breaking(format!("{name} is gone")),
                    (None, Some(_)) => self.compatible(format!("{name} is new")),
                    (Some(old), Some(new)) => self.operation(&name, old, new),
                    (None, None) => {}
                }
            }
        }
    }

    fn operation(&mut self, name: &str, old: &'a Value, new: &'a Value) {
        let id = |operation: &'a Value| operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
        if id(old) != id(new) {
            // Clients call the generated function by this name.
            self.breaking(format!("the operationId of {name} was `{}` and is `{}`", id(old), id(new)));
        }
        self.parameters(name, old, new);
        self.request_body(name, old.get("requestBody"), new.get("requestBody"));
        self.answers(name, old.get("responses"), new.get("responses"));
        self.security(name, old, new);
    }

    fn parameters(&mut self, name: &str, old: &'a Value, new: &'a Value) {
        let (old, new) = (parameters(self.old, old), parameters(self.new, new));
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let (place, parameter) = key;
            let at = format!("{place} parameter `{parameter}` of {name}");
            match (old.get(key), new.get(key)) {
                (Some(_), None) => self.breaking(format!("{at} is gone")),
                (None, Some(new)) if is_required(new) => self.breaking(format!("{at} is new and required")),
                (None, Some(_)) => self.compatible(format!("{at} is new")),
                (Some(old), Some(new)) => {
                    self.requirement(&at, is_required(old), is_required(new));
                    for keyword in ["style", "explode"] {
                        if old.get(keyword) != new.get(keyword) {
                            self.breaking(format!("{at} is written in another way: `{keyword}` has changed"));
                        }
                    }
                    self.schemas(&at, Direction::Request, old.get("schema"), new.get("schema"));
                }
                (None, None) => {}
            }
        }
    }

    fn requirement(&mut self, at: &str, was_required: bool, is_required: bool) {
        match (was_required, is_required) {
            (false, true) => self.breaking(format!("{at} is now required")),
            (true, false) => self.compatible(format!("{at} may now be left out")),
            _ => {}
        }
    }

    fn request_body(&mut self, name: &str, old: Option<&'a Value>, new: Option<&'a Value>) {
        let (old, new) = (old.map(|body| resolved(self.old, body)), new.map(|body| resolved(self.new, body)));
        let at = format!("the request body of {name}");
        match (old, new) {
            (Some(_), None) => self.breaking(format!("{at} is gone")),
            (None, Some(new)) if is_required(new) => self.breaking(format!("{at} is new and required")),
            (None, Some(_)) => self.compatible(format!("{at} is new")),
            (Some(old), Some(new)) => {
                self.requirement(&at, is_required(old), is_required(new));
                self.contents(&at, Direction::Request, old, new);
            }
            (None, None) => {}
        }
    }

    fn answers(&mut self, name: &str, old: Option<&'a Value>, new: Option<&'a Value>) {
        for (status, old, new) in paired(old, new) {
            let at = format!("answer {status} of {name}");
            let is_success = status.starts_with('2');
            match (old, new) {
                (Some(_), None) if is_success => self.breaking(format!("{at} is gone")),
                (Some(_), None) => self.compatible(format!("{at} is gone")),
                // Clients must be ready for any error, but not for another way to succeed.
                (None, Some(_)) if is_success => self.breaking(format!("{at} is new")),
                (None, Some(_)) => self.compatible(format!("{at} is new")),
                (Some(old), Some(new)) => {
                    let (old, new) = (resolved(self.old, old), resolved(self.new, new));
                    self.contents(&at, Direction::Response, old, new);
                    self.headers(&at, old.get("headers"), new.get("headers"));
                }
                (None, None) => {}
            }
        }
    }

    fn contents(&mut self, at: &str, direction: Direction, old: &'a Value, new: &'a Value) {
        for (media_type, old, new) in paired(old.get("content"), new.get("content")) {
            match (old, new) {
                (Some(_), None) => self.breaking(format!("{at} is no longer `{media_type}`")),
                (None, Some(_)) => self.compatible(format!("{at} may now be `{media_type}`")),
                (Some(old), Some(new)) => self.schemas(at, direction, old.get("schema"), new.get("schema")),
                (None, None) => {}
            }
        }
    }

    fn headers(&mut self, at: &str, old: Option<&'a Value>, new: Option<&'a Value>) {
        for (header, old, new) in paired(old, new) {
            let at = format!("header `{header}` of {at}");
            match (old, new) {
                (Some(_), None) => self.breaking(format!("{at} is gone")),
                (None, Some(_)) => self.compatible(format!("{at} is new")),
                (Some(old), Some(new)) => {
                    let (old, new) = (resolved(self.old, old), resolved(self.new, new));
                    self.schemas(&at, Direction::Response, old.get("schema"), new.get("schema"));
                }
                (None, None) => {}
            }
        }
    }

    fn security(&mut self, name: &str, old: &'a Value, new: &'a Value) {
        let (old, new) = (alternatives(self.old, old), alternatives(self.new, new));
        if old.is_empty() && !new.is_empty() {
            return self.breaking(format!("{name} now asks who calls"));
        }
        if !old.is_empty() && new.is_empty() {
            return self.compatible(format!("{name} is now for everybody"));
        }
        for (scheme, scopes) in &old {
            match new.get(scheme) {
                None => self.breaking(format!("{name} no longer takes `{scheme}`")),
                Some(now) => {
                    for scope in now.difference(scopes) {
                        self.breaking(format!("{name} now asks for the scope `{scope}`"));
                    }
                    for scope in scopes.difference(now) {
                        self.compatible(format!("{name} no longer asks for the scope `{scope}`"));
                    }
                }
            }
        }
        for scheme in new.keys().filter(|scheme| !old.contains_key(*scheme)) {
            self.compatible(format!("{name} now takes `{scheme}`"));
        }
    }
}

fn is_required(value: &Value) -> bool {
    value.get("required") == Some(&Value::Bool(true))
}

/// Parameters by place and name.
fn parameters<'a>(document: &'a Value, operation: &'a Value) -> BTreeMap<(String, String), &'a Value> {
    let listed = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let named = listed.map(|parameter| {
        let parameter = resolved(document, parameter);
        let text = |key| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        // Header fields have no case.
        let name = if text("in") == "header" { text("name").to_lowercase() } else { text("name").to_owned() };
        ((text("in").to_owned(), name), parameter)
    });
    named.collect()
}

/// The schemes that an operation takes, each with its scopes. An operation without any is for everybody.
fn alternatives<'a>(document: &'a Value, operation: &'a Value) -> BTreeMap<String, BTreeSet<&'a str>> {
    let asked = operation.get("security").or_else(|| document.get("security"));
    let alternatives = asked.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let mut by_schemes = BTreeMap::new();
    for alternative in alternatives {
        if alternative.is_empty() {
            // One of the alternatives is to show nothing.
            return BTreeMap::new();
        }
        let schemes = alternative.keys().map(String::as_str).collect::<Vec<_>>().join("` and `");
        by_schemes.insert(schemes, alternative.values().flat_map(|scopes| texts(Some(scopes))).collect());
    }
    by_schemes
}
