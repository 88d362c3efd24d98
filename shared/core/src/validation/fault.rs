use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::Input;

/// One thing that is wrong with a request, in the form of a pydantic error.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// pydantic's error type, for instance `string_too_short`.
    pub kind: &'static str,
    /// Where it is, from `body`, `query`, `path` or `header` down.
    pub location: Vec<Segment>,
    /// pydantic's sentence, for people.
    pub message: String,
    /// What was sent there. Secrets are masked.
    pub input: Input,
    /// The figures of the broken constraint, for machines.
    pub context: Option<Context>,
}

impl Fault {
    /// Something that is required is not there.
    pub fn missing(location: &[&'static str], input: Input) -> Self {
        let location = location.iter().map(|name| Segment::Name((*name).into())).collect();
        Self { kind: "missing", location, message: "Field required".to_owned(), input, context: None }
    }

    /// A rule of ours is broken: what pydantic makes of a `ValueError` that a validator raises.
    pub fn of_rule(location: Vec<Segment>, reason: &str, input: Input) -> Self {
        let message = format!("Value error, {reason}");
        Self { kind: "value_error", location, message, input, context: Some(Context::of_rule()) }
    }
}

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A field of an object.
    Name(Cow<'static, str>),
    /// A place in a list, or a character of an unparsable document.
    Index(usize),
}

/// The `ctx` of a fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Context(Vec<(&'static str, Input)>);

impl Context {
    /// A context of one entry, which is all that pydantic's errors here have.
    pub fn of(name: &'static str, value: Input) -> Self {
        Self(vec![(name, value)])
    }

    /// The context of an error that was raised by a rule of ours: FastAPI renders the Python exception as `{}`.
    fn of_rule() -> Self {
        Self::of("error", Input::object([]))
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fault = serializer.serialize_struct("Fault", 5)?;
        fault.serialize_field("type", self.kind)?;
        fault.serialize_field("loc", &self.location)?;
        fault.serialize_field("msg", &self.message)?;
        fault.serialize_field("input", &self.input)?;
        if let Some(context) = &self.context {
            fault.serialize_field("ctx", context)?;
        }
        fault.end()
    }
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::Index(index) => serializer.serialize_u64(*index as u64),
        }
    }
}

impl Serialize for Context {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
