//! What of a change of the document breaks clients.
//!
//! A client is code that was written or generated from the old document. What it sends must still be taken and mean the
//! same, what it reads must still be there and of the same type, and what it is generated into must keep its names. A
//! change of which this module can't tell counts as breaking: better asked once too often.
//!
//! Answers may tell less than they could: a wider bound of a text in an answer breaks nobody, a new enum value does.

mod operation;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// A difference between two documents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// There is a client that no longer works.
    Breaking(String),
    /// Every client goes on working.
    Compatible(String),
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Breaking(what) => write!(formatter, "breaking: {what}"),
            Self::Compatible(what) => write!(formatter, "compatible: {what}"),
        }
    }
}

impl Change {
    /// Whether there is a client that no longer works.
    pub fn is_breaking(&self) -> bool {
        matches!(self, Self::Breaking(_))
    }
}

/// The differences between two documents, the breaking ones first. Texts for people, such as descriptions and examples,
/// are no difference.
pub fn between(old: &Value, new: &Value) -> BTreeSet<Change> {
    let mut comparison = Comparison { old, new, found: BTreeSet::new(), compared: BTreeSet::new() };
    comparison.operations();
    comparison.security_schemes();
    comparison.found
}

/// Two documents, and what has been found so far.
struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    found: BTreeSet<Change>,
    /// The pairs of named schemas that were compared already, so that schemas may contain themselves.
    compared: BTreeSet<(String, String, Direction)>,
}

/// Who writes what a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    /// The client, so the schema may not ask for more.
    Request,
    /// The API, so the schema may not promise less.
    Response,
}

impl fmt::Display for Direction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if *self == Self::Request { "request" } else { "response" })
    }
}

impl Comparison<'_> {
    fn breaking(&mut self, what: impl Into<String>) {
        self.found.insert(Change::Breaking(what.into()));
    }

    fn compatible(&mut self, what: impl Into<String>) {
        self.found.insert(Change::Compatible(what.into()));
    }

    fn security_schemes(&mut self) {
        let pointer = "/components/securitySchemes";
        for (name, old, new) in paired(self.old.pointer(pointer), self.new.pointer(pointer)) {
            match (old, new) {
                (Some(_), None) => self.breaking(format!("security scheme `{name}` is gone")),
                (None, Some(_)) => self.compatible(format!("security scheme `{name}` is new")),
                (Some(old), Some(new)) if without_scopes(old) != without_scopes(new) => {
                    self.breaking(format!("security scheme `{name}` works in another way"));
                }
                _ => {}
            }
        }
    }
}

/// A security scheme without the scopes, which are compared where operations ask for them, and without texts.
fn without_scopes(scheme: &Value) -> Value {
    match scheme {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "scopes" | "description"));
            Value::Object(kept.map(|(name, value)| (name.clone(), without_scopes(value))).collect())
        }
        other => other.clone(),
    }
}

/// What a `$ref` refers to, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|address| address.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// The members of two objects, by name.
fn paired<'a>(
    old: Option<&'a Value>,
    new: Option<&'a Value>,
) -> impl Iterator<Item = (&'a str, Option<&'a Value>, Option<&'a Value>)> + use<'a> {
    let members = |object: Option<&'a Value>| object.and_then(Value::as_object);
    let (old, new) = (members(old), members(new));
    let names: BTreeSet<&str> =
        old.into_iter().chain(new).flat_map(|object| object.keys().map(String::as_str)).collect();
    names.into_iter().map(move |name| (name, old.and_then(|old| old.get(name)), new.and_then(|new| new.get(name))))
}

/// The texts of a list.
fn texts(list: Option<&Value>) -> BTreeSet<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}
