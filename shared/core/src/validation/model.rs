use std::borrow::Cow;

use indexmap::IndexMap;

use super::report::masked;
use super::{Constraints, Input, Origin, Report, Segment, Validate};

/// A struct that derives [`Validate`].
pub trait Model: Validate {
    /// Its fields, in the order in which their faults are reported.
    const FIELDS: &'static [Field];
}

/// What must be known of a field before it is read.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// [`Validate::REPEATED`] of its type.
    pub repeated: bool,
    /// [`Validate::SECRET`] of its type.
    pub secret: bool,
}

/// The object that a model is being read from. Used by the code that the derive macro generates.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fields<'a> {
    input: &'a Input,
    entries: &'a IndexMap<String, Input>,
    model: &'static [Field],
}

impl<'a> Fields<'a> {
    /// `None`, with a fault reported, if the input is no object.
    pub fn of(input: &'a Input, model: &'static [Field], report: &mut Report<'_>) -> Option<Self> {
        if let Input::Object(entries) = input {
            return Some(Self { input, entries, model });
        }
        // A body with a password that is no JSON object, or not declared to be JSON, is one text.
        let hidden = model.iter().any(|field| field.secret) && holds_text(input);
        let shown = if hidden { &masked() } else { input };
        let message = "Input should be a valid dictionary or object to extract fields from";
        report.fault("model_attributes_type", message, shown, None)
    }

    /// Reads a field, or takes `default` or the type's own value where it was not sent.
    pub fn read<T: Validate>(
        &self,
        name: &'static str,
        constraints: &Constraints,
        default: Option<fn() -> T>,
        report: &mut Report<'_>,
    ) -> Option<T> {
        let sent = self.entries.get(name);
        report.at(Segment::Name(Cow::Borrowed(name)), T::SECRET && sent.is_some(), |report| {
            if let Some(input) = sent {
                return T::validate(input, constraints, report);
            }
            default.map(|default| default()).or_else(T::when_absent).or_else(|| {
                let shown = match report.origin() {
                    Origin::Json => self.masked_input(),
                    Origin::Parameters => Cow::Owned(Input::Null),
                };
                report.fault("missing", "Field required", &shown, None)
            })
        })
    }

    /// The whole object, with the values of secret fields masked.
    pub fn masked_input(&self) -> Cow<'a, Input> {
        let secrets = || self.model.iter().filter(|field| field.secret).map(|field| field.name);
        if !secrets().any(|name| self.entries.contains_key(name)) {
            return Cow::Borrowed(self.input);
        }
        let mut entries = self.entries.clone();
        for name in secrets() {
            if let Some(value) = entries.get_mut(name) {
                *value = masked();
            }
        }
        Cow::Owned(Input::Object(Box::new(entries)))
    }
}

/// Whether there is any text in the input, which could be a secret.
fn holds_text(input: &Input) -> bool {
    match input {
        Input::String(_) | Input::IllFormed(_) => true,
        Input::Array(items) => items.iter().any(holds_text),
        Input::Object(entries) => entries.values().any(holds_text),
        Input::Null | Input::Bool(_) | Input::Number(_) => false,
    }
}
