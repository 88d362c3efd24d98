use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use uuid::Uuid;

use super::TableError;

/// The attributes of a row on their way to or from DynamoDB, with types.
///
/// Written out by hand instead of by `serde_dynamo`: numbers must keep all their digits, which serde's data model has
/// no place for, and a change of a row's shape should be visible as one.
#[derive(Debug)]
pub(super) struct Row {
    table: &'static str,
    attributes: HashMap<String, AttributeValue>,
}

impl Row {
    /// A row to be written. `table` is for error messages.
    pub(super) fn new(table: &'static str) -> Self {
        Self { table, attributes: HashMap::new() }
    }

    /// A row that was read.
    pub(super) fn read(table: &'static str, attributes: HashMap<String, AttributeValue>) -> Self {
        Self { table, attributes }
    }

    pub(super) fn into_attributes(self) -> HashMap<String, AttributeValue> {
        self.attributes
    }

    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.attributes.insert(name.to_owned(), value);
        self
    }

    pub(super) fn with_text(self, name: &str, text: impl Into<String>) -> Self {
        self.with(name, AttributeValue::S(text.into()))
    }

    /// Writes nothing for `None`: an absent attribute costs nothing.
    pub(super) fn with_optional_text(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.with_text(name, text),
            None => self,
        }
    }

    pub(super) fn with_number(self, name: &str, number: &impl ToString) -> Self {
        self.with(name, AttributeValue::N(number.to_string()))
    }

    pub(super) fn with_optional_number(self, name: &str, number: Option<&impl ToString>) -> Self {
        match number {
            Some(number) => self.with_number(name, number),
            None => self,
        }
    }

    pub(super) fn with_bytes(self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.with(name, AttributeValue::B(Blob::new(bytes)))
    }

    pub(super) fn with_texts<'a>(self, name: &str, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let list = texts.into_iter().map(|text| AttributeValue::S(text.to_owned())).collect();
        self.with(name, AttributeValue::L(list))
    }

    fn unreadable(&self, attribute: &'static str) -> TableError {
        TableError::Row { table: self.table, attribute }
    }

    pub(super) fn take_text(&mut self, name: &'static str) -> Result<String, TableError> {
        self.take_optional_text(name)?.ok_or_else(|| self.unreadable(name))
    }

    pub(super) fn take_optional_text(&mut self, name: &'static str) -> Result<Option<String>, TableError> {
        match self.attributes.remove(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(self.unreadable(name)),
        }
    }

    /// Reads a number, or a text, that parses.
    pub(super) fn take_parsed<T: std::str::FromStr>(&mut self, name: &'static str) -> Result<T, TableError> {
        self.take_optional_parsed(name)?.ok_or_else(|| self.unreadable(name))
    }

    pub(super) fn take_optional_parsed<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, TableError> {
        match self.attributes.remove(name) {
            None => Ok(None),
            Some(AttributeValue::N(text) | AttributeValue::S(text)) => {
                text.parse().map(Some).map_err(|_| self.unreadable(name))
            }
            Some(_) => Err(self.unreadable(name)),
        }
    }

    pub(super) fn take_id(&mut self, name: &'static str) -> Result<Uuid, TableError> {
        self.take_parsed(name)
    }

    pub(super) fn take_time(&mut self, name: &'static str) -> Result<Timestamp, TableError> {
        self.take_parsed(name)
    }

    pub(super) fn take_flag(&mut self, name: &'static str) -> Result<bool, TableError> {
        self.take_optional_flag(name)?.ok_or_else(|| self.unreadable(name))
    }

    pub(super) fn take_optional_flag(&mut self, name: &'static str) -> Result<Option<bool>, TableError> {
        match self.attributes.remove(name) {
            None => Ok(None),
            Some(AttributeValue::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.unreadable(name)),
        }
    }

    /// Reads a whole row as times by id; `name` is what the row is called in its own one.
    pub(super) fn take_times_by_id(self, name: &'static str) -> Result<BTreeMap<Uuid, Timestamp>, TableError> {
        let read = |(id, time): (&String, &AttributeValue)| Some((id.parse().ok()?, time.as_s().ok()?.parse().ok()?));
        self.attributes.iter().map(read).collect::<Option<_>>().ok_or_else(|| self.unreadable(name))
    }

    pub(super) fn take_bytes(&mut self, name: &'static str) -> Result<Vec<u8>, TableError> {
        match self.attributes.remove(name) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.into_inner()),
            _ => Err(self.unreadable(name)),
        }
    }

    pub(super) fn take_texts(&mut self, name: &'static str) -> Result<Vec<String>, TableError> {
        let Some(AttributeValue::L(list)) = self.attributes.remove(name) else {
            return Err(self.unreadable(name));
        };
        let texts = list.into_iter().map(|value| if let AttributeValue::S(text) = value { Some(text) } else { None });
        texts.collect::<Option<_>>().ok_or_else(|| self.unreadable(name))
    }

    pub(super) fn take_optional_row(&mut self, name: &'static str) -> Result<Option<Self>, TableError> {
        match self.attributes.remove(name) {
            None => Ok(None),
            Some(AttributeValue::M(attributes)) => Ok(Some(Self { table: self.table, attributes })),
            Some(_) => Err(self.unreadable(name)),
        }
    }
}
