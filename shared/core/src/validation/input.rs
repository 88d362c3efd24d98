use indexmap::IndexMap;
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

/// Untrusted input before validation: a JSON value whose numbers are kept as they were written.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, exactly as written.
    Number(Number),
    /// Text, or any query, path, header or form value.
    String(String),
    /// Text with lone surrogates, which JSON can write and no Rust string can hold: U+FFFD stands in for each. It is
    /// sound where nobody reads it, as in Python.
    IllFormed(String),
    /// A list.
    Array(Vec<Input>),
    /// An object. Of a repeated key the last value counts, at the place of the first, as in Python. Boxed to keep
    /// the size of the others down.
    Object(Box<IndexMap<String, Input>>),
}

impl Input {
    /// Text as input.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// An integer as input.
    pub fn integer(value: impl Into<i128>) -> Self {
        Self::Number(Number(value.into().to_string()))
    }

    /// A number as input, in JSON's notation.
    pub fn number(text: impl Into<String>) -> Self {
        Self::Number(Number(text.into()))
    }

    /// An object of these entries.
    pub fn object(entries: impl IntoIterator<Item = (String, Input)>) -> Self {
        Self::Object(Box::new(entries.into_iter().collect()))
    }
}

/// The text of a JSON number, or one of `NaN`, `Infinity` and `-Infinity`, which Python's parser lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(pub(super) String);

impl Number {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has neither a fraction nor an exponent.
    pub fn is_integer(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    }

    /// Whether it is a number at all and within the range of a double, as Python's `float` would see it.
    pub fn is_finite(&self) -> bool {
        self.0.parse::<f64>().is_ok_and(f64::is_finite)
    }
}

/// Shows the input again in a fault. `NaN`, infinities, and fractions that a reader would take for one, are shown as
/// strings.
impl Serialize for Input {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) if !number.is_integer() && !number.is_finite() => serializer.serialize_str(&number.0),
            Self::Number(Number(text)) => {
                RawValue::from_string(text.clone()).map_err(S::Error::custom)?.serialize(serializer)
            }
            Self::String(text) | Self::IllFormed(text) => serializer.serialize_str(text),
            Self::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries.iter() {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
