use std::collections::HashMap;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Update};

use super::row::{OPTIONAL, attributes};
use super::{TakenNames, Users, guard_id, taken};
use crate::table::also::Also;
use crate::table::row::Row;
use crate::table::transaction::Transaction;
use crate::table::{ConditionalWriteError, TableError};
use crate::user::User;

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
