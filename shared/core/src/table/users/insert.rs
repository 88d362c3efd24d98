use aws_sdk_dynamodb::types::builders::ConditionCheckBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put};
use uuid::Uuid;

use super::row::attributes;
use super::{TakenNames, Users, guard_id, taken};
use crate::idempotency::{KeyUsed, Once};
use crate::table::also::Also;
use crate::table::transaction::{NotDone, Transaction};
use crate::table::{TableError, shard_of};
use crate::user::{UniqueName, User};

/// The id of the row that remembers that the first administrator has been created. No user's id looks like it.
const FIRST_ADMIN_ID: &str = "first-admin";

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

impl Users {
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
    /// The transaction has as many actions as [`Users::insert`], so that it takes as long: two ask that things are as
    /// they were read, the account not there and the address `holder`'s still.
    ///
    /// # Errors
    /// See [`InsertUserError`]; the email counts as taken if it is somebody else's than `holder`'s.
    pub async fn reserve_username(
        &self,
        user: &User,
        holder: Option<Uuid>,
        also: &Also<'_>,
        once: Option<&Once>,
    ) -> Result<(), InsertUserError> {
        let mut transaction = Transaction::default();
        also.add_to(&mut transaction)?;
        transaction.check(self.held_by(&user.id.to_string(), None))?;
        let names = [UniqueName::of(&user.username), UniqueName::of(user.email.as_str())];
        let [username, email] = names.each_ref().map(guard_id);
        let before = transaction.len();
        transaction.put(self.reserve(&username, user.id))?;
        transaction.check(self.held_by(&email, holder))?;
        self.send_insert(transaction, (user, &names, before), once).await?;
        also.announce().await;
        Ok(())
    }

    /// Stores the first administrator, unless there has ever been one: a row that stays for good remembers it, so that
    /// the configured password makes no second account once the first has another one, another name, or is gone.
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
        let before = transaction.len();
        for name in &names {
            transaction.put(self.reserve(&guard_id(name), user.id))?;
        }
        self.send_insert(transaction, (user, &names, before), once).await
    }

    /// Makes the transaction, in which the user's names stand behind what is `before` them.
    async fn send_insert(
        &self,
        transaction: Transaction,
        (user, names, before): (&User, &[UniqueName], usize),
        once: Option<&Once>,
    ) -> Result<(), InsertUserError> {
        transaction.send_once(&self.client, once).await.map_err(|reason| match reason {
            NotDone::KeyUsed(used) => InsertUserError::KeyUsed(used),
            NotDone::Conditions(failed) => InsertUserError::NameTaken(taken(user, names, failed.get(before..))),
            NotDone::Table(error) => error.into(),
        })
    }

    /// Asks that the row with this id is still `holder`'s, or still not there if it is nobody's.
    fn held_by(&self, id: &str, holder: Option<Uuid>) -> ConditionCheckBuilder {
        let check = ConditionCheck::builder().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()));
        match holder {
            Some(holder) => check
                .condition_expression("user_id = :holder")
                .expression_attribute_values(":holder", AttributeValue::S(holder.to_string())),
            None => check.condition_expression("attribute_not_exists(id)"),
        }
    }
}
