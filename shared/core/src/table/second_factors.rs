mod right_code;
mod stored;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Update};
use jiff::Timestamp;
use secrecy::SecretString;
use uuid::Uuid;

use super::also::{Also, Write};
use super::row::Row;
use super::transaction::Transaction;
use super::{ConditionalWriteError, TableError};
use crate::job::later;
use crate::totp::{OneTimePassword, RecoveryCode, SecondFactorKeys, TotpSecret};
use right_code::Used;
use stored::Stored;

pub use right_code::{CodeKind, RightCode, SetupCode};

/// The shape of the row that is written here.
const SCHEMA: u32 = 1;
/// The sort key of a user's second factor.
const ENTRY: &str = "totp";
/// How long a set-up waits to be confirmed.
const SETUP_LIFETIME: std::time::Duration = std::time::Duration::from_mins(15);

/// The second factors of all users: rows of the credentials' table, side by side with a user's other credentials. A row
/// is a set-up until a code confirms it.
#[derive(Debug, Clone)]
pub struct SecondFactors {
    client: Client,
    table: String,
    keys: SecondFactorKeys,
}

impl SecondFactors {
    /// The second factors in the credentials' table of this name, under these keys.
    pub fn new(client: Client, table: String, keys: SecondFactorKeys) -> Self {
        Self { client, table, keys }
    }

    /// Begins a set-up, in place of one that has not been confirmed.
    ///
    /// # Errors
    /// [`ConditionalWriteError::Outdated`] if the user has a second factor.
    pub async fn begin(&self, user_id: Uuid, secret: &TotpSecret, now: Timestamp) -> Result<(), ConditionalWriteError> {
        let sealed = self.keys.seal(user_id, secret).ok_or(UNREADABLE)?;
        let row = Row::new("second factors")
            .with_text("user_id", user_id.to_string())
            .with_text("entry", ENTRY)
            .with_bytes("sealed", sealed)
            .with_number("expires_at", &later(now, SETUP_LIFETIME).as_second())
            .with_number("schema", &SCHEMA);
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row.into_attributes()))
            .condition_expression("attribute_not_exists(confirmed_at)")
            .send()
            .await;
        sent.map(drop).map_err(|error| match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_) | PutItemError::TransactionConflictException(_)) => {
                ConditionalWriteError::Outdated
            }
            _ => TableError::call("PutItem", &error).into(),
        })
    }

    /// How many recovery codes a user has left; `None` if there is no second factor.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn recovery_codes_left(&self, user_id: Uuid) -> Result<Option<usize>, TableError> {
        let stored = self.find(user_id).await?.filter(|stored| stored.is_confirmed);
        Ok(stored.map(|stored| stored.recovery_codes.len()))
    }

    /// Whether a code confirms the set-up that a user has begun.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn judge_setup(
        &self,
        user_id: Uuid,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<SetupCode, TableError> {
        let is_waiting = |stored: &Stored| {
            !stored.is_confirmed && stored.expires_at.is_some_and(|expires_at| now.as_second() < expires_at)
        };
        let Some(stored) = self.find(user_id).await?.filter(is_waiting) else { return Ok(SetupCode::NoSetup) };
        Ok(self.right_code(user_id, code, stored, now)?.map_or(SetupCode::Wrong, SetupCode::Right))
    }

    /// The code, if it is the one that the user's device shows, or a recovery code, and has not been used.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn judge(
        &self,
        user_id: Uuid,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<Option<RightCode>, TableError> {
        match self.find(user_id).await?.filter(|stored| stored.is_confirmed) {
            Some(stored) => self.right_code(user_id, code, stored, now),
            None => Ok(None),
        }
    }

    /// Uses a code to replace the recovery codes, and whether nobody else was faster to use it.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn renew(
        &self,
        code: &RightCode,
        recovery_codes: &[RecoveryCode],
        also: &Also<'_>,
    ) -> Result<bool, TableError> {
        let update = self.update(code);
        let update = match code.used {
            Used::Step(_) => update.update_expression("SET last_step = :step, recovery_codes = :codes"),
            Used::RecoveryCode(_) => update.update_expression("SET recovery_codes = :codes"),
        };
        let hashes = self.hashes(code.user_id, recovery_codes);
        let renewal = update.expression_attribute_values(":codes", hashes).into();
        self.send(&also.clone().and(renewal)).await
    }

    /// Uses the code, in the transaction of what it is for, which fails if somebody else has just used it.
    pub fn consumption(&self, code: &RightCode) -> Write {
        let update = self.update(code);
        match &code.used {
            Used::Step(_) => update.update_expression("SET last_step = :step").into(),
            Used::RecoveryCode(hash) => update
                .update_expression("DELETE recovery_codes :used")
                .expression_attribute_values(":used", AttributeValue::Ss(vec![hash.as_str().to_owned()]))
                .into(),
        }
    }

    /// Makes the set-up that the code was made from the user's second factor.
    pub fn confirmation(&self, code: &RightCode, recovery_codes: &[RecoveryCode], now: Timestamp) -> Write {
        // A set-up has no recovery codes, so what is right is a step's.
        let step = if let Used::Step(step) = code.used { step } else { 0 };
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(code.user_id)))
            .update_expression("SET confirmed_at = :now, last_step = :step, recovery_codes = :codes REMOVE expires_at")
            .condition_expression("sealed = :sealed AND attribute_not_exists(confirmed_at)")
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .expression_attribute_values(":step", AttributeValue::N(step.to_string()))
            .expression_attribute_values(":codes", self.hashes(code.user_id, recovery_codes))
            .expression_attribute_values(":sealed", AttributeValue::B(Blob::new(code.sealed.clone())))
            .into()
    }

    /// Uses the code to remove the second factor.
    pub fn removal(&self, code: &RightCode) -> Write {
        let (condition, values) = code.condition();
        Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(code.user_id)))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .into()
    }

    /// Removes a user's second factor without a code of it, for somebody who may.
    pub fn removal_of(&self, user_id: Uuid) -> Write {
        Delete::builder().table_name(&self.table).set_key(Some(key(user_id))).into()
    }

    /// Makes writes that depend on a code being unused, and whether it was.
    async fn send(&self, writes: &Also<'_>) -> Result<bool, TableError> {
        let mut transaction = Transaction::default();
        writes.add_to(&mut transaction)?;
        let is_done = transaction.send(&self.client).await?.is_ok();
        if is_done {
            writes.announce().await;
        }
        Ok(is_done)
    }

    fn update(&self, code: &RightCode) -> UpdateBuilder {
        let (condition, values) = code.condition();
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(code.user_id)))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
    }

    fn hashes(&self, user_id: Uuid, codes: &[RecoveryCode]) -> AttributeValue {
        AttributeValue::Ss(codes.iter().map(|code| self.keys.hash(user_id, code).as_str().to_owned()).collect())
    }

    /// The code, if it is right and the row says of no use of it.
    fn right_code(
        &self,
        user_id: Uuid,
        code: &SecretString,
        stored: Stored,
        now: Timestamp,
    ) -> Result<Option<RightCode>, TableError> {
        let used = match OneTimePassword::parse(code) {
            None => None,
            Some(OneTimePassword::Totp(code)) => {
                let secret = self.keys.open(user_id, &stored.sealed).ok_or(UNREADABLE)?;
                secret.step_of(code, now, stored.last_step).map(Used::Step)
            }
            Some(OneTimePassword::RecoveryCode(code)) => {
                let hash = self.keys.hash(user_id, &code);
                stored.recovery_codes.contains(hash.as_str()).then_some(Used::RecoveryCode(hash))
            }
        };
        Ok(used.map(|used| RightCode { user_id, sealed: stored.sealed, used }))
    }

    async fn find(&self, user_id: Uuid) -> Result<Option<Stored>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(user_id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        answer.item.map(Stored::read).transpose()
    }
}

const UNREADABLE: TableError = TableError::Row { table: "second factors", attribute: "sealed" };

fn key(user_id: Uuid) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("user_id".to_owned(), AttributeValue::S(user_id.to_string())),
        ("entry".to_owned(), AttributeValue::S(ENTRY.to_owned())),
    ])
}
