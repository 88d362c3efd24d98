//! Schemas: what a client may send, and what it may rely on.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::{Comparison, Direction, paired, resolved, texts};

/// Texts for people.
const ANNOTATIONS: [&str; 6] = ["title", "description", "example", "examples", "deprecated", "$ref"];
/// What is compared by a rule of its own.
const RULED: [&str; 16] = [
    "type",
    "enum",
    "format",
    "pattern",
    "default",
    "properties",
    "required",
    "items",
    "minLength",
    "minItems",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "maxItems",
    "maximum",
    "exclusiveMaximum",
];
const LOWER_BOUNDS: [&str; 4] = ["minLength", "minItems", "minimum", "exclusiveMinimum"];
const UPPER_BOUNDS: [&str; 4] = ["maxLength", "maxItems", "maximum", "exclusiveMaximum"];

impl<'a> Comparison<'a> {
    /// Compares two schemas that stand at the same place.
    pub(super) fn schemas(&mut self, at: &str, direction: Direction, old: Option<&'a Value>, new: Option<&'a Value>) {
        let (Some(old), Some(new)) = (old, new) else {
            if old.is_some() || new.is_some() {
                self.breaking(format!("the type of {at} has changed"));
            }
            return;
        };
        let (old, is_old_nullable) = without_null(old);
        let (new, is_new_nullable) = without_null(new);
        match (direction, is_old_nullable, is_new_nullable) {
            (Direction::Request, true, false) => self.breaking(format!("{at} may no longer be null")),
            (Direction::Response, false, true) => self.breaking(format!("{at} may now be null")),
            (Direction::Request, false, true) => self.compatible(format!("{at} may now be null")),
            (Direction::Response, true, false) => self.compatible(format!("{at} is never null")),
            _ => {}
        }
        let (old_name, new_name) = (name(old), name(new));
        if let (Some(old_name), Some(new_name)) = (old_name, new_name) {
            if !self.compared.insert((old_name.to_owned(), new_name.to_owned(), direction)) {
                return;
            }
            if old_name != new_name {
                // The type that clients hold it in has another name.
                self.breaking(format!("the schema of {at} was `{old_name}` and is `{new_name}`"));
            }
        }
        let at = old_name.map_or_else(|| at.to_owned(), |name| format!("{direction} `{name}`"));
        self.plain_schemas(&at, direction, resolved(self.old, old), resolved(self.new, new));
    }

    fn plain_schemas(&mut self, at: &str, direction: Direction, old: &'a Value, new: &'a Value) {
        self.types(at, direction, old, new);
        self.values(at, direction, old, new);
        self.bounds(at, direction, old, new);
        self.properties(at, direction, old, new);
        if old.get("items").is_some() || new.get("items").is_some() {
            self.schemas(&inside(at, "[]"), direction, old.get("items"), new.get("items"));
        }
        for (keyword, old, new) in paired(Some(old), Some(new)) {
            let is_ruled = RULED.contains(&keyword) || ANNOTATIONS.contains(&keyword);
            if !is_ruled && old != new {
                self.breaking(format!("{at} has changed in `{keyword}`, which may break anything"));
            }
        }
    }

    fn types(&mut self, at: &str, direction: Direction, old: &'a Value, new: &'a Value) {
        let (was, is) = (types(old), types(new));
        let takes = |wide: &BTreeSet<&str>, narrow: &BTreeSet<&str>| {
            let fits = |kind: &&str| wide.contains(kind) || (*kind == "integer" && wide.contains("number"));
            // No type at all is any type.
            wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(fits))
        };
        let fits = if direction == Direction::Request { takes(&is, &was) } else { takes(&was, &is) };
        if was != is {
            let listed = |kinds: &BTreeSet<&str>| {
                if kinds.is_empty() {
                    "anything".to_owned()
                } else {
                    kinds.iter().copied().collect::<Vec<_>>().join(" or ")
                }
            };
            let what = format!("{at} was {} and is {}", listed(&was), listed(&is));
            if fits { self.compatible(what) } else { self.breaking(what) }
        }
    }

    /// Enums, patterns, formats and defaults.
    fn values(&mut self, at: &str, direction: Direction, old: &'a Value, new: &'a Value) {
        match (old.get("enum").and_then(Value::as_array), new.get("enum").and_then(Value::as_array)) {
            (Some(was), Some(is)) => {
                for gone in was.iter().filter(|value| !is.contains(value)) {
                    self.breaking(format!("{at} no longer has the value {gone}"));
                }
                for added in is.iter().filter(|value| !was.contains(value)) {
                    let what = format!("{at} has the new value {added}");
                    // Whoever reads every known value does not know this one.
                    if direction == Direction::Response { self.breaking(what) } else { self.compatible(what) }
                }
            }
            (None, Some(_)) if direction == Direction::Request => {
                self.breaking(format!("{at} must now be one of a few values"));
            }
            (Some(_), None) if direction == Direction::Response => {
                self.breaking(format!("{at} may now be more than a few values"));
            }
            (None, Some(_)) | (Some(_), None) => self.compatible(format!("{at} has other values")),
            (None, None) => {}
        }
        for keyword in ["pattern", "format"] {
            match (old.get(keyword), new.get(keyword)) {
                (was, is) if was == is => {}
                (Some(_), None) if direction == Direction::Request => {
                    self.compatible(format!("{at} needs no {keyword} any more"));
                }
                (_, _) if direction == Direction::Response && keyword == "pattern" => {
                    self.compatible(format!("{at} has another pattern"));
                }
                // Generated clients choose a type by the format.
                (was, is) => self.breaking(format!("the {keyword} of {at} was {} and is {}", shown(was), shown(is))),
            }
        }
        let (was, is) = (old.get("default"), new.get("default"));
        // A default that is documented for the first time was there before.
        if was.is_some() && was != is {
            self.breaking(format!("the default of {at} was {} and is {}", shown(was), shown(is)));
        }
    }

    fn bounds(&mut self, at: &str, direction: Direction, old: &'a Value, new: &'a Value) {
        let lower = LOWER_BOUNDS.into_iter().map(|keyword| (keyword, true));
        for (keyword, is_lower) in lower.chain(UPPER_BOUNDS.into_iter().map(|keyword| (keyword, false))) {
            let (was, is) = (old.get(keyword), new.get(keyword));
            if was == is {
                continue;
            }
            let is_narrower = match (was.and_then(Value::as_f64), is.and_then(Value::as_f64)) {
                (Some(was), Some(is)) if is_lower => is > was,
                (Some(was), Some(is)) => is < was,
                (was, is) => was.is_none() && is.is_some(),
            };
            let what = format!("`{keyword}` of {at} was {} and is {}", shown(was), shown(is));
            if direction == Direction::Request && is_narrower { self.breaking(what) } else { self.compatible(what) }
        }
    }

    fn properties(&mut self, at: &str, direction: Direction, old: &'a Value, new: &'a Value) {
        let (was_required, is_required) = (texts(old.get("required")), texts(new.get("required")));
        for (property, old, new) in paired(old.get("properties"), new.get("properties")) {
            let at = inside(at, &format!(".{property}"));
            let (was_required, is_required) = (was_required.contains(property), is_required.contains(property));
            match (old, new) {
                (Some(_), None) => self.breaking(format!("{at} is gone")),
                (None, Some(_)) if direction == Direction::Request && is_required => {
                    self.breaking(format!("{at} is new and required"));
                }
                (None, Some(_)) => self.compatible(format!("{at} is new")),
                _ => {
                    match (direction, was_required, is_required) {
                        (Direction::Request, false, true) => self.breaking(format!("{at} is now required")),
                        (Direction::Request, true, false) => self.compatible(format!("{at} may now be left out")),
                        (Direction::Response, true, false) => self.breaking(format!("{at} may now be absent")),
                        (Direction::Response, false, true) => self.compatible(format!("{at} is now always there")),
                        _ => {}
                    }
                    self.schemas(&at, direction, old, new);
                }
            }
        }
    }
}

/// A place within a place: ``request `Item.tags` `` within ``request `Item` ``.
fn inside(at: &str, step: &str) -> String {
    let is_named = at.starts_with("request `") || at.starts_with("response `");
    match at.strip_suffix('`') {
        Some(open) if is_named => format!("{open}{step}`"),
        _ => format!("`{step}` of {at}"),
    }
}

/// The name of the component that a schema refers to.
fn name(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str).and_then(|address| address.rsplit('/').next())
}

/// The types that a schema allows, besides null. None means any.
fn types(schema: &Value) -> BTreeSet<&str> {
    let single = schema.get("type").and_then(Value::as_str);
    single.into_iter().chain(texts(schema.get("type"))).filter(|kind| *kind != "null").collect()
}

/// A schema without the alternative of null, and whether it has that alternative.
fn without_null(schema: &Value) -> (&Value, bool) {
    let is_null = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("null");
    for keyword in ["oneOf", "anyOf"] {
        if let Some([first, second]) = schema.get(keyword).and_then(Value::as_array).map(Vec::as_slice) {
            match (is_null(first), is_null(second)) {
                (false, true) => return (first, true),
                (true, false) => return (second, true),
                _ => {}
            }
        }
    }
    (schema, texts(schema.get("type")).contains("null"))
}

fn shown(value: Option<&Value>) -> Cow<'static, str> {
    value.map_or(Cow::Borrowed("none"), |value| {
        Cow::Owned(format!("`{}`", value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)))
    })
}
