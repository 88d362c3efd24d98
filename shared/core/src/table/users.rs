mod insert;
mod row;
mod sign_in;
mod update;

use std::collections::HashMap;
use std::sync::LazyLock;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put};
use uuid::Uuid;

use super::TableError;
use super::also::Write;
use super::merge::{ShardedList, page_of};
use super::row::Row;
use crate::email::Email;
use crate::page::{Page, PageRequest};
use crate::session::SessionRef;
use crate::user::{UniqueName, User};

use self::row::{READABLE, SCHEMA, user_of};

pub use insert::InsertUserError;
pub use sign_in::UserWithHash;
pub use update::UpdateUserError;

/// The users, and the guard rows that keep their names unique.
#[derive(Debug, Clone)]
pub struct Users {
    client: Client,
    table: String,
}

/// Which of the names that a user wants somebody else has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenNames {
    /// The email.
    pub email: bool,
    /// The username.
    pub username: bool,
}

impl Users {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Makes a first call while the function starts, so that the first request finds the connection open. If it fails,
    /// so will the request, and report it.
    pub async fn connect(&self) {
        if let Err(error) = self.find(Uuid::nil()).await {
            tracing::warn!(%error, "DynamoDB can't be reached yet");
        }
    }

    /// The user with this id, as of now.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find(&self, id: Uuid) -> Result<Option<User>, TableError> {
        self.get(&id.to_string(), READABLE).await?.map(user_of).transpose()
    }

    /// The user with this email address, in whatever case it is written. Two names can be compared as one and yet be
    /// two addresses, so mail goes to the address of the user that is found, never to the one that was looked for.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find_by_email(&self, email: &Email) -> Result<Option<User>, TableError> {
        let name = UniqueName::of(email.as_str());
        let Some(id) = self.id_of(&name).await? else { return Ok(None) };
        let user = self.find(id).await?;
        // Somebody else may have the address as a username.
        Ok(user.filter(|user| UniqueName::of(user.email.as_str()) == name))
    }

    /// The id of the user with this email or username.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn id_of(&self, name: &UniqueName) -> Result<Option<Uuid>, TableError> {
        self.get(&guard_id(asked(name)), &["user_id"]).await?.map(|mut guard| guard.take_id("user_id")).transpose()
    }

    /// Asks that the user is still there and active, and that this session of theirs has not been ended since, for
    /// what may not outlive that.
    pub fn unended(&self, user: &User, session: SessionRef) -> Write {
        // Rows of schema 1 have no epoch; theirs is the first.
        let epoch = match user.session_epoch {
            0 => "(session_epoch = :epoch OR attribute_not_exists(session_epoch))",
            _ => "session_epoch = :epoch",
        };
        ConditionCheck::builder()
            .table_name(&self.table)
            .key("id", AttributeValue::S(user.id.to_string()))
            .condition_expression(format!(
                "is_active = :active AND {epoch} AND attribute_not_exists(ended_sessions.#session)"
            ))
            .expression_attribute_names("#session", session.id.to_string())
            .expression_attribute_values(":active", AttributeValue::Bool(true))
            .expression_attribute_values(":epoch", AttributeValue::N(user.session_epoch.to_string()))
            .into()
    }

    /// A page of all users, the oldest first. It can lag behind by moments. Costs a query per shard.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn list(&self, page: &PageRequest) -> Result<Page<User>, TableError> {
        let list = ShardedList::of_all(&self.client, &self.table);
        let (rows, next) = page_of(list, page).await?;
        let entries = rows.into_iter().map(|(_, row)| user_of(Row::read("users", row))).collect::<Result<_, _>>()?;
        Ok(Page { entries, next })
    }

    /// Reads some attributes of a row: a password's hash stays in the table unless it is asked for.
    async fn get(&self, id: &str, attributes: &[&'static str]) -> Result<Option<Row>, TableError> {
        let names = attributes.iter().enumerate().map(|(index, name)| (format!("#{index}"), (*name).to_owned()));
        let (placeholders, names): (Vec<_>, HashMap<_, _>) =
            names.map(|(placeholder, name)| (placeholder.clone(), (placeholder, name))).unzip();
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_owned()))
            .projection_expression(placeholders.join(", "))
            .set_expression_attribute_names(Some(names))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        Ok(answer.item.map(|attributes| Row::read("users", attributes)))
    }

    /// A row that keeps an id from everybody else.
    fn reserve(&self, id: &str, user_id: Uuid) -> PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .item("id", AttributeValue::S(id.to_owned()))
            .item("user_id", AttributeValue::S(user_id.to_string()))
            .item("schema", AttributeValue::N(SCHEMA.to_string()))
            .condition_expression("attribute_not_exists(id)")
    }

    fn unguard(&self, name: &UniqueName) -> DeleteBuilder {
        Delete::builder().table_name(&self.table).key("id", AttributeValue::S(guard_id(name)))
    }
}

/// Longest name that is looked up, in bytes. An email has 254 and a username 50 characters at most.
const MAX_NAME_LENGTH: usize = 1024;

fn guard_id(name: &UniqueName) -> String {
    // No user's id has a `#`.
    format!("name#{}", name.as_str())
}

/// Which of the names that were to be reserved for the user, in this order, were not free.
fn taken<T>(user: &User, names: &[UniqueName], failed: Option<&[Option<T>]>) -> TakenNames {
    let failed = names.iter().zip(failed.unwrap_or_default()).filter(|(_, failed)| failed.is_some());
    let taken: Vec<_> = failed.map(|(name, _)| name).collect();
    let is_taken = |name: &str| taken.contains(&&UniqueName::of(name));
    TakenNames { email: is_taken(user.email.as_str()), username: is_taken(&user.username) }
}

/// The name to ask for. One that is longer than a key can be is nobody's, and DynamoDB would refuse the call; nobody
/// has an empty one either, and to look for that makes all names cost the same.
fn asked(name: &UniqueName) -> &UniqueName {
    static NOBODYS: LazyLock<UniqueName> = LazyLock::new(|| UniqueName::of(""));
    if name.as_str().len() > MAX_NAME_LENGTH { &NOBODYS } else { name }
}
