//! A user's row.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use uuid::Uuid;

use crate::email::Email;
use crate::scope::Scopes;
use crate::table::TableError;
use crate::table::row::Row;
use crate::user::{Address, User};

/// The shape of a user's row that is written here.
pub(super) const SCHEMA: u32 = 3;

/// What is read of a user's row: all but the keys of lists and the password's hash.
pub(super) const READABLE: &[&str] = &[
    "id",
    "email",
    "pending_email",
    "username",
    "full_name",
    "age",
    "address",
    "is_active",
    "is_verified",
    "scopes",
    "has_second_factor",
    "has_generated_password",
    "session_epoch",
    "api_key_epoch",
    "ended_sessions",
    "created_at",
    "updated_at",
    "version",
];

/// The attributes that a row may lack.
pub(super) const OPTIONAL: [&str; 4] = ["full_name", "age", "address", "pending_email"];

/// All attributes of a user's row but the keys and the password's hash.
pub(super) fn attributes(user: &User) -> Row {
    let mut row = Row::new("users")
        .with_text("email", user.email.as_str())
        .with_optional_text("pending_email", user.pending_email.as_ref().map(Email::as_str))
        .with_text("username", &user.username)
        .with_optional_text("full_name", user.full_name.as_deref())
        .with_optional_number("age", user.age.as_ref())
        .with("is_active", AttributeValue::Bool(user.is_active))
        .with("is_verified", AttributeValue::Bool(user.is_verified))
        .with_texts("scopes", user.scopes.iter().map(crate::scope::Scope::as_str))
        .with("has_second_factor", AttributeValue::Bool(user.has_second_factor))
        .with("has_generated_password", AttributeValue::Bool(user.has_generated_password))
        .with_number("session_epoch", &user.session_epoch)
        .with_number("api_key_epoch", &user.api_key_epoch)
        .with("ended_sessions", ended_sessions(&user.ended_sessions))
        .with_text("created_at", user.created_at.to_string())
        .with_text("updated_at", user.updated_at.to_string())
        .with_number("version", &user.version)
        .with_number("schema", &SCHEMA);
    if let Some(address) = &user.address {
        let address = Row::new("users")
            .with_text("street", &address.street)
            .with_text("city", &address.city)
            .with_text("country", &address.country);
        row = row.with("address", AttributeValue::M(address.into_attributes()));
    }
    row
}

/// Sessions that were ended, by id, with the second until which that must be known.
fn ended_sessions(sessions: &BTreeMap<Uuid, Timestamp>) -> AttributeValue {
    let entries = sessions.iter().map(|(id, until)| (id.to_string(), AttributeValue::S(until.to_string())));
    AttributeValue::M(entries.collect())
}

pub(super) fn user_of(mut row: Row) -> Result<User, TableError> {
    let address = match row.take_optional_row("address")? {
        None => None,
        Some(mut address) => Some(Address {
            street: address.take_text("street")?,
            city: address.take_text("city")?,
            country: address.take_text("country")?,
        }),
    };
    Ok(User {
        id: row.take_id("id")?,
        email: Email::from_stored(row.take_text("email")?),
        pending_email: row.take_optional_text("pending_email")?.map(Email::from_stored),
        username: row.take_text("username")?,
        full_name: row.take_optional_text("full_name")?,
        age: row.take_optional_parsed("age")?,
        address,
        is_active: row.take_flag("is_active")?,
        is_verified: row.take_flag("is_verified")?,
        scopes: Scopes::parse_lenient(&row.take_texts("scopes")?.join(" ")),
        // Absent in rows of schemas 1 and 2.
        has_generated_password: row.take_optional_flag("has_generated_password")?.unwrap_or_default(),
        // Absent in rows of schema 1.
        has_second_factor: row.take_optional_flag("has_second_factor")?.unwrap_or_default(),
        session_epoch: row.take_optional_parsed("session_epoch")?.unwrap_or_default(),
        api_key_epoch: row.take_optional_parsed("api_key_epoch")?.unwrap_or_default(),
        ended_sessions: match row.take_optional_row("ended_sessions")? {
            None => BTreeMap::new(),
            Some(sessions) => sessions.take_times_by_id("ended_sessions")?,
        },
        created_at: row.take_time("created_at")?,
        updated_at: row.take_time("updated_at")?,
        version: row.take_parsed("version")?,
    })
}
