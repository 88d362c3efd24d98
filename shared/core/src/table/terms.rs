//! The index rows of items: one per word of the name, one per tag, one for the owner.
//!
//! The partition is the kind of term, the term (of a word its first three letters) and a shard; the sort key is the
//! word, if it is one, and the item's id. So a word is found by any beginning of three letters or more, and no
//! partition takes all writes. An item has 25 words, 20 tags and one owner at most: an update that changes all of them
//! takes 92 actions of the 100 that a transaction may have.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put};
use uuid::Uuid;

use super::merge::{Order, ShardedList};
use super::row::Row;
use super::{LIST_SHARDS, TableError, shard_of};
use crate::item::{Item, ItemFilter, Tag};

/// The shape of an index row that is written here.
const SCHEMA: u32 = 1;
/// How much of a word its partition is named after: the shortest beginning that is searched for.
const WORD_PREFIX: usize = 3;

/// An index row. It repeats what filters look at, so that a row can be passed over without reading its item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TermRow {
    term: String,
    entry: String,
    item_id: Uuid,
    owner_id: Uuid,
    words: BTreeSet<String>,
    tags: BTreeSet<String>,
}

/// The index rows that an item has.
pub(super) fn rows_of(item: &Item) -> Vec<TermRow> {
    let words = item.words();
    let tags: BTreeSet<String> = item.tags.iter().map(Tag::as_str).map(ToOwned::to_owned).collect();
    let shard = shard_of(item.id);
    let keys = words
        .iter()
        .map(|word| (word_term(word, shard), format!("{word}#{}", item.id)))
        .chain(tags.iter().map(|tag| (tag_term(tag, shard), item.id.to_string())))
        .chain([(owner_term(item.owner_id, shard), item.id.to_string())]);
    keys.map(|(term, entry)| TermRow {
        term,
        entry,
        item_id: item.id,
        owner_id: item.owner_id,
        words: words.clone(),
        tags: tags.clone(),
    })
    .collect()
}

/// The list to look through for a filter: that of the word, else of the first tag, else of the owner. `None` if nothing
/// is filtered.
pub(super) fn list_for<'a>(filter: &ItemFilter, client: &'a Client, table: &'a str) -> Option<ShardedList<'a>> {
    let (term, prefix): (Box<dyn Fn(u8) -> String + '_>, _) = if let Some(word) = &filter.word {
        (Box::new(move |shard| word_term(word, shard)), word.clone())
    } else if let Some(tag) = filter.tags.first() {
        (Box::new(move |shard| tag_term(tag, shard)), String::new())
    } else {
        let owner_id = filter.owner_id?;
        (Box::new(move |shard| owner_term(owner_id, shard)), String::new())
    };
    Some(ShardedList {
        client,
        table,
        index: None,
        partition_key: "term",
        partitions: (0..LIST_SHARDS).map(term).collect(),
        sort_key: "entry",
        prefix,
        order: Order::Ascending,
    })
}

fn word_term(word: &str, shard: u8) -> String {
    format!("word#{}#{shard}", word.get(..WORD_PREFIX).unwrap_or(word))
}

fn tag_term(tag: &str, shard: u8) -> String {
    format!("tag#{tag}#{shard}")
}

fn owner_term(owner_id: Uuid, shard: u8) -> String {
    format!("owner#{owner_id}#{shard}")
}

impl TermRow {
    pub(super) fn read(attributes: HashMap<String, AttributeValue>) -> Result<Self, TableError> {
        let mut row = Row::read("item terms", attributes);
        Ok(Self {
            term: row.take_text("term")?,
            entry: row.take_text("entry")?,
            item_id: row.take_id("item_id")?,
            owner_id: row.take_id("owner_id")?,
            words: row.take_texts("words")?.into_iter().collect(),
            tags: row.take_texts("tags")?.into_iter().collect(),
        })
    }

    pub(super) fn key(&self) -> (&str, &str) {
        (&self.term, &self.entry)
    }

    pub(super) fn item_id(&self) -> Uuid {
        self.item_id
    }

    /// Whether the item belongs into the list at this row. An item with several words of the same beginning has a row
    /// for each; it is listed at the first.
    pub(super) fn passes(&self, filter: &ItemFilter) -> bool {
        let at_first_word = filter.word.as_ref().is_none_or(|beginning| {
            let first = self.words.iter().find(|word| word.starts_with(beginning.as_str()));
            first.is_some_and(|first| self.entry.split('#').next() == Some(first))
        });
        at_first_word
            && filter.tags.iter().all(|tag| self.tags.contains(tag))
            && filter.owner_id.is_none_or(|owner_id| owner_id == self.owner_id)
    }

    pub(super) fn put(&self, table: &str) -> PutBuilder {
        let row = Row::new("item terms")
            .with_text("term", &self.term)
            .with_text("entry", &self.entry)
            .with_text("item_id", self.item_id.to_string())
            .with_text("owner_id", self.owner_id.to_string())
            .with_texts("words", self.words.iter().map(String::as_str))
            .with_texts("tags", self.tags.iter().map(String::as_str))
            .with_number("schema", &SCHEMA);
        Put::builder().table_name(table).set_item(Some(row.into_attributes()))
    }

    pub(super) fn delete(&self, table: &str) -> DeleteBuilder {
        Delete::builder()
            .table_name(table)
            .key("term", AttributeValue::S(self.term.clone()))
            .key("entry", AttributeValue::S(self.entry.clone()))
    }
}
