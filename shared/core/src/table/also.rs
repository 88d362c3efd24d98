use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder};
use futures_util::future::join_all;

use super::TableError;
use super::jobs::Promise;
use super::transaction::Transaction;

/// Writes of other tables that happen together with a change, or not at all: what is on record about it, what is used
/// up by it, and what is promised because of it; and what must hold besides.
#[derive(Debug, Clone, Default)]
pub struct Also<'a> {
    additions: Vec<Addition<'a>>,
}

#[derive(Debug, Clone)]
enum Addition<'a> {
    Put(Box<PutBuilder>),
    Update(Box<UpdateBuilder>),
    Delete(Box<DeleteBuilder>),
    Check(Box<ConditionCheckBuilder>),
    Promise(Promise<'a>),
}

/// One write of another table, or a condition on a row there, made by the module of that table.
#[derive(Debug, Clone)]
pub struct Write(Addition<'static>);

impl<'a> Also<'a> {
    /// Nothing besides.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Another table's write.
    #[must_use]
    pub fn and(mut self, write: Write) -> Self {
        self.additions.push(write.0);
        self
    }

    /// A promise: its job is written too, and its worker told once it is.
    #[must_use]
    pub fn and_promise(mut self, promise: Promise<'a>) -> Self {
        self.additions.push(Addition::Promise(promise));
        self
    }

    pub(super) fn add_to(&self, transaction: &mut Transaction) -> Result<(), TableError> {
        self.additions.iter().cloned().try_for_each(|addition| match addition {
            Addition::Put(put) => transaction.put(*put),
            Addition::Update(update) => transaction.update(*update),
            Addition::Delete(delete) => transaction.delete(*delete),
            Addition::Check(check) => transaction.check(*check),
            Addition::Promise(promise) => promise.add_to(transaction),
        })
    }

    /// Tells the workers of what was promised, once it is written.
    pub(super) async fn announce(&self) {
        let promises = self.additions.iter().filter_map(|addition| match addition {
            Addition::Promise(promise) => Some(promise.announce()),
            _ => None,
        });
        join_all(promises).await;
    }
}

impl From<PutBuilder> for Write {
    fn from(put: PutBuilder) -> Self {
        Self(Addition::Put(Box::new(put)))
    }
}

impl From<UpdateBuilder> for Write {
    fn from(update: UpdateBuilder) -> Self {
        Self(Addition::Update(Box::new(update)))
    }
}

impl From<DeleteBuilder> for Write {
    fn from(delete: DeleteBuilder) -> Self {
        Self(Addition::Delete(Box::new(delete)))
    }
}

impl From<ConditionCheckBuilder> for Write {
    fn from(check: ConditionCheckBuilder) -> Self {
        Self(Addition::Check(Box::new(check)))
    }
}
