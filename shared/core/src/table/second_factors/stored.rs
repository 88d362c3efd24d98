use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::table::TableError;
use crate::table::row::Row;

/// A row, as it was read.
pub(super) struct Stored {
    pub(super) sealed: Vec<u8>,
    pub(super) is_confirmed: bool,
    pub(super) last_step: Option<i64>,
    pub(super) recovery_codes: BTreeSet<String>,
    /// When a set-up is forgotten, in seconds.
    pub(super) expires_at: Option<i64>,
}

impl Stored {
    pub(super) fn read(mut attributes: HashMap<String, AttributeValue>) -> Result<Self, TableError> {
        let recovery_codes = match attributes.remove("recovery_codes") {
            Some(AttributeValue::Ss(hashes)) => hashes.into_iter().collect(),
            // DynamoDB keeps no empty set.
            _ => BTreeSet::new(),
        };
        let mut row = Row::read("second factors", attributes);
        Ok(Self {
            sealed: row.take_bytes("sealed")?,
            is_confirmed: row.take_optional_text("confirmed_at")?.is_some(),
            last_step: row.take_optional_parsed("last_step")?,
            recovery_codes,
            expires_at: row.take_optional_parsed("expires_at")?,
        })
    }
}
