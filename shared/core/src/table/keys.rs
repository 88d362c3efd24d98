use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put};
use jiff::Timestamp;

use super::row::Row;
use super::transaction::Transaction;
use super::{Also, ConditionalWriteError, TableError};
use crate::token::{KeyId, KeySchedule, PublicKey, ScheduledKey, SecretId, SigningKeyError, SigningKeys};

/// The shape of the rows that are written here.
const SCHEMA: u32 = 2;
/// The key of the row that says which key signs. It is no id of a key: those have 43 characters.
const CURRENT: &str = "current";
/// How often the first sandboxes of a deployment try to publish, should others be faster.
const ATTEMPTS: u32 = 4;

/// The public keys that access tokens are verified with: a row each, by their id, and the row `current`, which says
/// which of them signs.
#[derive(Debug, Clone)]
pub struct Keys {
    client: Client,
    table: String,
}

/// Why no token can be signed with keys of a secret.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The secret is one that was replaced, as secrets are that others know.
    #[error("the signing secret has been replaced by another one before; it can't be used again")]
    Replaced,
    /// No key can be derived.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// A key that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// The key.
    pub key: PublicKey,
    /// Until when it is accepted, if that is known already.
    pub accepted_until: Option<Timestamp>,
}

impl PublishedKey {
    /// Whether the key's signatures are accepted at `now`. `DynamoDB` deletes rows late, so readers ask.
    pub fn is_accepted(&self, now: Timestamp) -> bool {
        self.accepted_until.is_none_or(|until| now < until)
    }
}

impl Keys {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Sees to it that all functions accept what the keys of this secret sign, and says which of them signs.
    ///
    /// If the keys so far came from another secret, that one was replaced because somebody else knows it. Its keys are
    /// removed in the same transaction, so that nothing it has signed is accepted once verifiers ask again
    /// ([`REREAD_AFTER`](crate::token::REREAD_AFTER)), and it can never publish keys again: a sandbox that still starts
    /// with it, while a deployment is under way, must not bring them back.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn publish(&self, keys: &SigningKeys, now: Timestamp) -> Result<KeySchedule, PublishError> {
        let secret = keys.secret_id()?;
        for _ in 0..ATTEMPTS {
            let found = self.schedule().await?;
            let next = match &found {
                Some(schedule) if schedule.is_of(&secret) => return Ok(schedule.clone()),
                Some(schedule) if schedule.was_of(&secret) => return Err(PublishError::Replaced),
                Some(schedule) => schedule.replaced_by(keys, now)?,
                None => KeySchedule::first(keys, now)?,
            };
            match self.replace(found.as_ref(), &next, &Also::nothing()).await {
                Ok(()) => {
                    if found.is_some() {
                        tracing::warn!(
                            "the signing secret was replaced: all sessions end with what the old one signed"
                        );
                    }
                    return Ok(next);
                }
                // Another sandbox has just done so.
                Err(ConditionalWriteError::Outdated) => {}
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
        }
        Err(TableError::Busy.into())
    }

    /// Puts `new` in the place of `old`, or of nothing: publishes its keys and removes all others, in one transaction.
    ///
    /// # Errors
    /// [`ConditionalWriteError::Outdated`] if another one has taken the place of `old`.
    pub async fn replace(
        &self,
        old: Option<&KeySchedule>,
        new: &KeySchedule,
        also: &Also<'_>,
    ) -> Result<(), ConditionalWriteError> {
        let mut transaction = Transaction::default();
        for key in all_keys(new) {
            let row = key_row(key).into_attributes();
            transaction.put(Put::builder().table_name(&self.table).set_item(Some(row)))?;
        }
        for key in old.into_iter().flat_map(all_keys) {
            if all_keys(new).all(|kept| kept.public_key != key.public_key) {
                let id = AttributeValue::S(key.public_key.id().as_str().to_owned());
                transaction.delete(Delete::builder().table_name(&self.table).key("kid", id))?;
            }
        }
        let put = Put::builder().table_name(&self.table).set_item(Some(schedule_row(new).into_attributes()));
        transaction.put(match old {
            None => put.condition_expression("attribute_not_exists(kid)"),
            Some(old) => put
                .condition_expression("#generation = :generation AND #secret = :secret")
                .expression_attribute_names("#generation", "generation")
                .expression_attribute_names("#secret", "secret")
                .expression_attribute_values(":generation", AttributeValue::N(old.current.generation.to_string()))
                .expression_attribute_values(":secret", AttributeValue::S(old.secret.0.clone())),
        })?;
        also.add_to(&mut transaction)?;
        transaction.send_conditional(&self.client).await?;
        also.announce().await;
        Ok(())
    }

    /// Which key signs now and next. `None` before the first one is published.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn schedule(&self) -> Result<Option<KeySchedule>, TableError> {
        self.read(CURRENT).await?.map(schedule_of).transpose()
    }

    /// The key with this id. `None` if it has never been published, or was removed.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find(&self, id: &KeyId) -> Result<Option<PublishedKey>, TableError> {
        let Some(mut row) = self.read(id.as_str()).await? else { return Ok(None) };
        let expires_at: Option<i64> = row.take_optional_parsed("expires_at")?;
        // A time that is none has long passed.
        let accepted_until = expires_at.map(|second| Timestamp::from_second(second).unwrap_or(Timestamp::MIN));
        Ok(Some(PublishedKey { key: take_public_key(&mut row)?, accepted_until }))
    }

    async fn read(&self, id: &str) -> Result<Option<Row>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("kid", AttributeValue::S(id.to_owned()))
            // The first token of a new key can arrive right after the key.
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        Ok(answer.item.map(|row| Row::read("keys", row)))
    }
}

fn all_keys(schedule: &KeySchedule) -> impl Iterator<Item = &ScheduledKey> {
    [Some(&schedule.current), schedule.retiring.as_ref()].into_iter().flatten()
}

fn key_row(key: &ScheduledKey) -> Row {
    Row::new("keys")
        .with_text("kid", key.public_key.id().as_str())
        .with_bytes("public_key", key.public_key.as_bytes())
        .with_optional_number("expires_at", key.accepted_until.map(Timestamp::as_second).as_ref())
        .with_number("schema", &SCHEMA)
}

/// The newest key's attributes are those of the row, so that a condition can name them; the key before is one of them.
fn schedule_row(schedule: &KeySchedule) -> Row {
    let row = scheduled_key_row(&schedule.current)
        .with_text("kid", CURRENT)
        .with_text("secret", &schedule.secret.0)
        .with_texts("replaced", schedule.replaced.iter().map(|secret| secret.0.as_str()))
        .with_number("schema", &SCHEMA);
    match &schedule.retiring {
        None => row,
        Some(key) => row.with("retiring", AttributeValue::M(scheduled_key_row(key).into_attributes())),
    }
}

fn schedule_of(mut row: Row) -> Result<KeySchedule, TableError> {
    Ok(KeySchedule {
        secret: SecretId(row.take_text("secret")?),
        replaced: row.take_texts("replaced")?.into_iter().map(SecretId).collect(),
        retiring: row.take_optional_row("retiring")?.map(|mut row| take_scheduled_key(&mut row)).transpose()?,
        current: take_scheduled_key(&mut row)?,
    })
}

/// `key_id` is for whoever looks at the table; it follows from the key.
fn scheduled_key_row(key: &ScheduledKey) -> Row {
    Row::new("keys")
        .with_number("generation", &key.generation)
        .with_text("key_id", key.public_key.id().as_str())
        .with_bytes("public_key", key.public_key.as_bytes())
        .with_text("signs_from", key.signs_from.to_string())
        .with_optional_text("accepted_until", key.accepted_until.map(|until| until.to_string()).as_deref())
}

fn take_scheduled_key(row: &mut Row) -> Result<ScheduledKey, TableError> {
    Ok(ScheduledKey {
        generation: row.take_parsed("generation")?,
        public_key: take_public_key(row)?,
        signs_from: row.take_time("signs_from")?,
        accepted_until: row.take_optional_parsed("accepted_until")?,
    })
}

fn take_public_key(row: &mut Row) -> Result<PublicKey, TableError> {
    let bytes = row.take_bytes("public_key")?;
    PublicKey::from_bytes(&bytes).ok_or(TableError::Row { table: "keys", attribute: "public_key" })
}
