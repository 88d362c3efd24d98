mod row;

use std::collections::HashMap;
use std::sync::LazyLock;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, Update};
use jiff::Timestamp;
use uuid::Uuid;

use super::also::{Also, Write};
use super::attempts::{AttemptError, Attempts};
use super::merge::{ShardedList, page_of};
use super::row::Row;
use super::transaction::{NotDone, Transaction};
use super::{ConditionalWriteError, TableError, shard_of};
use crate::email::Email;
use crate::idempotency::{KeyUsed, Once};
use crate::lockout::Contender;
use crate::page::{Page, PageRequest};
use crate::session::SessionRef;
use crate::user::{UniqueName, User};

use self::row::{OPTIONAL, READABLE, SCHEMA, attributes, user_of};

/// The users, and the guard rows that keep their names unique.
#[derive(Debug, Clone)]
pub struct Users {
    client: Client,
    table: String,
}

/// What a sign-in needs to know of a user. It can't be printed, because the hash must not be.
pub struct SignIn {
    /// The user.
    pub user: User,
    /// The password's hash in PHC string format.
    pub password_hash: String,
}

/// Which of the names that a user wants somebody else has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenNames {
    /// The email.
    pub email: bool,
    /// The username.
    pub username: bool,
}

/// A user could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum InsertUserError {
    /// Somebody has the email or the username.
    #[error("the email or username is taken")]
    NameTaken(TakenNames),
    /// The request's idempotency key has been used.
    #[error(transparent)]
    KeyUsed(KeyUsed),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// A user could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateUserError {
    /// Somebody has the email or the username.
    #[error("the email or username is taken")]
    NameTaken(TakenNames),
    /// The user is no longer what it was when it was read.
    #[error("somebody else has changed the user")]
    Outdated,
    /// What was to happen with the change could not, for instance because a token has been used before.
    #[error("a condition of what belongs to the change failed")]
    Refused,
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Users {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Stores a new user. Guard rows in the same transaction reserve the email and the username, because DynamoDB has
    /// no unique index; what belongs to it, such as a mail that is promised, and `once` are written there too.
    ///
    /// # Errors
    /// See [`InsertUserError`].
    pub async fn insert(
        &self,
        user: &User,
        password_hash: &str,
        also: &Also<'_>,
        once: Option<&Once>,
    ) -> Result<(), InsertUserError> {
        let mut transaction = Transaction::default();
        also.add_to(&mut transaction)?;
        self.insert_with(transaction, user, password_hash, once).await?;
        also.announce().await;
        Ok(())
    }

    /// Keeps the username of a user who is not stored, for good, and writes what else belongs to it: what a sign-up
    /// comes to whose address has an account already, where nobody is to notice that. Without it, to ask for the
    /// username again would tell whether the first sign-up made an account.
    ///
    /// # Errors
    /// See [`InsertUserError`].
    pub async fn reserve_username(
        &self,
        user: &User,
        also: &Also<'_>,
        once: Option<&Once>,
    ) -> Result<(), InsertUserError> {
        let mut transaction = Transaction::default();
        also.add_to(&mut transaction)?;
        let username = UniqueName::of(&user.username);
        self.send_insert(transaction, user, &[username], once).await?;
        also.announce().await;
        Ok(())
    }

    /// Stores the first administrator, unless there has ever been one: a row that stays for good remembers it, so that
    /// the configured password is of no use once the administrator has another one, another name, or is gone.
    ///
    /// # Errors
    /// See [`InsertUserError`].
    pub async fn insert_first_admin(
        &self,
        user: &User,
        password_hash: &str,
        also: &Also<'_>,
    ) -> Result<(), InsertUserError> {
        let mut transaction = Transaction::default();
        transaction.put(self.reserve(FIRST_ADMIN_ID, user.id))?;
        also.add_to(&mut transaction)?;
        self.insert_with(transaction, user, password_hash, None).await
    }

    async fn insert_with(
        &self,
        mut transaction: Transaction,
        user: &User,
        password_hash: &str,
        once: Option<&Once>,
    ) -> Result<(), InsertUserError> {
        let row = attributes(user)
            .with_text("id", user.id.to_string())
            .with_text("list_shard", shard_of(user.id).to_string())
            .with_text("password_hash", password_hash);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row.into_attributes()))
            .condition_expression("attribute_not_exists(id)");
        transaction.put(put)?;
        let names: Vec<_> = user.unique_names().into_iter().collect();
        self.send_insert(transaction, user, &names, once).await
    }

    /// Reserves these names of the user's in the transaction, and makes it.
    async fn send_insert(
        &self,
        mut transaction: Transaction,
        user: &User,
        names: &[UniqueName],
        once: Option<&Once>,
    ) -> Result<(), InsertUserError> {
        let before = transaction.len();
        for name in names {
            transaction.put(self.reserve(&guard_id(name), user.id))?;
        }
        transaction.send_once(&self.client, once).await.map_err(|reason| match reason {
            NotDone::KeyUsed(used) => InsertUserError::KeyUsed(used),
            NotDone::Conditions(failed) => InsertUserError::NameTaken(taken(user, names, failed.get(before..))),
            NotDone::Table(error) => error.into(),
        })
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

    /// The id of the user with this email or username, unless whoever has this address has failed too often to sign in.
    /// One call for both.
    ///
    /// # Errors
    /// See [`AttemptError`].
    pub async fn id_for_sign_in(
        &self,
        name: &UniqueName,
        attempts: &Attempts,
        address: &Contender,
        now: Timestamp,
    ) -> Result<Option<Uuid>, AttemptError> {
        let key = |id: String| HashMap::from([("id".to_owned(), AttributeValue::S(id))]);
        let incomplete = |error: BuildError| TableError::Call { operation: "BatchGetItem", cause: error.to_string() };
        let (limits, address_key) = attempts.row_of(address, now);
        let guard = KeysAndAttributes::builder().keys(key(guard_id(asked(name)))).consistent_read(true);
        let failures = KeysAndAttributes::builder().keys(key(address_key));
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.table, guard.build().map_err(incomplete)?)
            .request_items(limits, failures.build().map_err(incomplete)?)
            .send()
            .await
            .map_err(|error| TableError::call("BatchGetItem", &error))?;
        if answer.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(TableError::Busy.into());
        }
        let mut rows = answer.responses.unwrap_or_default();
        let mut first_of = |table: &str| rows.remove(table).and_then(|rows| rows.into_iter().next());
        attempts.check(first_of(limits), address, now)?;
        let guard = first_of(&self.table).map(|guard| Row::read("users", guard).take_id("user_id"));
        Ok(guard.transpose()?)
    }

    /// The user with this id and what its password is verified with. Nobody has no id; to look for nobody costs the
    /// same.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find_for_sign_in(&self, id: Option<Uuid>) -> Result<Option<SignIn>, TableError> {
        let id = id.unwrap_or_default().to_string();
        let Some(mut row) = self.get(&id, &[READABLE, &["password_hash"]].concat()).await? else { return Ok(None) };
        let password_hash = row.take_text("password_hash")?;
        Ok(Some(SignIn { user: user_of(row)?, password_hash }))
    }

    /// Replaces the hash of a password by another one of the same password, unless it has another one by now. Nothing
    /// that is said of the user changes, so neither does the version.
    ///
    /// # Errors
    /// See [`ConditionalWriteError`].
    pub async fn replace_hash(&self, id: Uuid, old: &str, new: &str) -> Result<(), ConditionalWriteError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_string()))
            .update_expression("SET password_hash = :new")
            .condition_expression("password_hash = :old")
            .expression_attribute_values(":old", AttributeValue::S(old.to_owned()))
            .expression_attribute_values(":new", AttributeValue::S(new.to_owned()))
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(
                UpdateItemError::ConditionalCheckFailedException(_) | UpdateItemError::TransactionConflictException(_),
            ) => Err(ConditionalWriteError::Outdated),
            _ => Err(TableError::call("UpdateItem", &error).into()),
        }
    }

    /// Replaces `old`, as it was read, by `new`, and the password's hash if there is a new one. Guard rows follow the
    /// names in the same transaction, and so does what else belongs to the change.
    ///
    /// # Errors
    /// See [`UpdateUserError`].
    pub async fn update(
        &self,
        old: &User,
        new: &User,
        password_hash: Option<&str>,
        also: &Also<'_>,
    ) -> Result<(), UpdateUserError> {
        let mut row = attributes(new);
        if let Some(hash) = password_hash {
            row = row.with_text("password_hash", hash);
        }
        let mut transaction = Transaction::default();
        transaction.update(self.update_of(old, row))?;
        let (had, has) = (old.unique_names(), new.unique_names());
        let new_names: Vec<_> = has.difference(&had).cloned().collect();
        for name in &new_names {
            transaction.put(self.reserve(&guard_id(name), new.id))?;
        }
        for name in had.difference(&has) {
            transaction.delete(self.unguard(name))?;
        }
        let own = 1 + has.symmetric_difference(&had).count();
        also.add_to(&mut transaction)?;
        match transaction.send(&self.client).await {
            Ok(Ok(())) => {
                also.announce().await;
                Ok(())
            }
            Ok(Err(failed)) if failed.first().is_some_and(Option::is_some) => Err(UpdateUserError::Outdated),
            Ok(Err(failed)) if failed.iter().take(own).any(Option::is_some) => {
                Err(UpdateUserError::NameTaken(taken(new, &new_names, failed.get(1..))))
            }
            Ok(Err(_)) => Err(UpdateUserError::Refused),
            Err(TableError::Busy) => Err(UpdateUserError::Outdated),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a user, as it was read, and frees its names.
    ///
    /// # Errors
    /// See [`ConditionalWriteError`].
    pub async fn delete(&self, user: &User, also: &Also<'_>) -> Result<(), ConditionalWriteError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("id", AttributeValue::S(user.id.to_string()))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", AttributeValue::N(user.version.to_string()));
        let mut transaction = Transaction::default();
        transaction.delete(delete)?;
        for name in user.unique_names() {
            transaction.delete(self.unguard(&name))?;
        }
        also.add_to(&mut transaction)?;
        transaction.send_conditional(&self.client).await?;
        also.announce().await;
        Ok(())
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

    /// Sets what `row` has and removes what it lacks. The password's hash stays unless it is among them.
    fn update_of(&self, old: &User, row: Row) -> UpdateBuilder {
        let attributes = row.into_attributes();
        let removed = OPTIONAL.iter().filter(|name| !attributes.contains_key(**name));
        let (mut names, mut values) = (HashMap::new(), HashMap::new());
        let mut place = |name: &str| {
            let placeholder = format!("#{}", names.len());
            names.insert(placeholder.clone(), name.to_owned());
            placeholder
        };
        let removed: Vec<_> = removed.map(|name| place(name)).collect();
        let mut set = Vec::new();
        for (name, value) in attributes {
            let placeholder = place(&name);
            set.push(format!("{placeholder} = :{name}"));
            values.insert(format!(":{name}"), value);
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !removed.is_empty() {
            expression = format!("{expression} REMOVE {}", removed.join(", "));
        }
        let version = place("version");
        values.insert(":old_version".to_owned(), AttributeValue::N(old.version.to_string()));
        Update::builder()
            .table_name(&self.table)
            .key("id", AttributeValue::S(old.id.to_string()))
            .update_expression(expression)
            .condition_expression(format!("{version} = :old_version"))
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
    }
}

/// Longest name that is looked up, in bytes. An email has 254 and a username 50 characters at most.
const MAX_NAME_LENGTH: usize = 1024;

/// The id of the row that remembers that the first administrator has been created. No user's id looks like it.
const FIRST_ADMIN_ID: &str = "first-admin";

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
