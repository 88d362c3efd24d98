use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put};
use uuid::Uuid;

use super::batch::get_all;
use super::merge::{Merge, ShardedList, page_of};
use super::replace::replace;
use super::row::Row;
use super::terms::{self, TermRow};
use super::transaction::{NotDone, Transaction};
use super::{ConditionalWriteError, LIST_SHARDS, TableError, shard_of};
use crate::idempotency::{KeyUsed, Once};
use crate::item::{Item, ItemFilter, Price, Tag};
use crate::page::{Next, Page, PageRequest, Position};

/// The shape of an item's row that is written here.
const SCHEMA: u32 = 1;
/// Most index rows that a filtered page reads. The page may then be short, even empty, with more to come.
const MAX_ROWS_EXAMINED: usize = 500;
/// Most bytes of a page's items, well below the 6 MB of a Lambda answer.
const MAX_PAGE_SIZE: usize = 4 * 1024 * 1024;

/// The names of the tables that hold items.
#[derive(Debug, Clone)]
pub struct ItemTables {
    /// The items.
    pub items: String,
    /// Their index rows.
    pub terms: String,
}

/// The items and their index rows.
#[derive(Debug, Clone)]
pub struct Items {
    client: Client,
    tables: ItemTables,
}

/// An item could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum InsertItemError {
    /// The request's idempotency key has been used.
    #[error(transparent)]
    KeyUsed(KeyUsed),
    /// The table failed. That the id is taken is among it, because nobody chooses ids.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Items {
    /// The tables of these names.
    pub fn new(client: Client, tables: ItemTables) -> Self {
        Self { client, tables }
    }

    /// Stores a new item with its index rows; `once` is remembered in the same transaction.
    ///
    /// # Errors
    /// See [`InsertItemError`].
    pub async fn insert(&self, item: &Item, once: Option<&Once>) -> Result<(), InsertItemError> {
        let mut transaction = Transaction::default();
        transaction.put(self.put(item).condition_expression("attribute_not_exists(id)"))?;
        for row in terms::rows_of(item) {
            transaction.put(row.put(&self.tables.terms))?;
        }
        transaction.send_once(&self.client, once).await.map_err(|reason| match reason {
            NotDone::KeyUsed(used) => InsertItemError::KeyUsed(used),
            NotDone::Conditions(_) => {
                TableError::Call { operation: "TransactWriteItems", cause: "the id is taken".to_owned() }.into()
            }
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

    /// The item with this id, as of now.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn find(&self, id: Uuid) -> Result<Option<Item>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.tables.items)
            .key("id", AttributeValue::S(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TableError::call("GetItem", &error))?;
        answer.item.map(item_of).transpose()
    }

    /// Replaces `old`, as it was read, by `new`. Index rows follow in the same transaction; if none change, one plain
    /// write does.
    ///
    /// # Errors
    /// See [`ConditionalWriteError`].
    pub async fn update(&self, old: &Item, new: &Item) -> Result<(), ConditionalWriteError> {
        let put = if_unchanged(self.put(new), old);
        let (had, has) = (terms::rows_of(old), terms::rows_of(new));
        if had == has {
            let put =
                put.build().map_err(|error| TableError::Call { operation: "PutItem", cause: error.to_string() })?;
            return replace(&self.client, put).await;
        }
        let kept: HashSet<_> = has.iter().map(TermRow::key).collect();
        let mut transaction = Transaction::default();
        transaction.put(put)?;
        for row in &has {
            transaction.put(row.put(&self.tables.terms))?;
        }
        for row in had.iter().filter(|row| !kept.contains(&row.key())) {
            transaction.delete(row.delete(&self.tables.terms))?;
        }
        transaction.send_conditional(&self.client).await
    }

    /// Deletes an item, as it was read, with its index rows.
    ///
    /// # Errors
    /// See [`ConditionalWriteError`].
    pub async fn delete(&self, item: &Item) -> Result<(), ConditionalWriteError> {
        let delete = Delete::builder()
            .table_name(&self.tables.items)
            .key("id", AttributeValue::S(item.id.to_string()))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", AttributeValue::N(item.version.to_string()));
        let mut transaction = Transaction::default();
        transaction.delete(delete)?;
        for row in terms::rows_of(item) {
            transaction.delete(row.delete(&self.tables.terms))?;
        }
        transaction.send_conditional(&self.client).await
    }

    /// A page of the items that pass `filter`. It can lag behind by moments.
    ///
    /// Without a filter the oldest come first; items found by word are in the order of the words. A page costs two
    /// round trips, whatever the size of the table: index rows, of which a filtered page reads at most 500, and then
    /// the items. It ends early, with a next one, when its items would be too large for one answer.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn list(&self, filter: &ItemFilter, page: &PageRequest) -> Result<Page<Item>, TableError> {
        if !filter.tags.iter().all(|tag| Tag::is_possible(tag)) {
            return Ok(Page { entries: Vec::new(), next: None });
        }
        let found = match terms::list_for(filter, &self.client, &self.tables.terms) {
            Some(list) => find_filtered(list, filter, page).await?,
            None => find_any(ShardedList::of_all(&self.client, &self.tables.items), page).await?,
        };
        let items = self.find_all(&found.shown).await?;
        let (mut entries, mut size) = (Vec::new(), 0);
        for ((_, position), item) in found.shown.iter().zip(items) {
            // One that has been deleted meanwhile is left out.
            let Some(item) = item else { continue };
            size += size_in_answer(&item);
            if size > MAX_PAGE_SIZE && !entries.is_empty() {
                let before = found.shown.iter().take_while(|(_, other)| other != position).last();
                return Ok(Page { entries, next: before.map(|(_, after)| Next { after: after.clone(), skip: 0 }) });
            }
            entries.push(item);
        }
        Ok(Page { entries, next: found.next })
    }

    /// The items with these ids, at most 100, in this order.
    async fn find_all(&self, found: &[(Uuid, Position)]) -> Result<Vec<Option<Item>>, TableError> {
        let mut items = HashMap::new();
        for row in get_all(&self.client, &self.tables.items, found.iter().map(|(id, _)| *id)).await? {
            let item = item_of(row)?;
            items.insert(item.id, item);
        }
        Ok(found.iter().map(|(id, _)| items.remove(id)).collect())
    }

    fn put(&self, item: &Item) -> PutBuilder {
        Put::builder().table_name(&self.tables.items).set_item(Some(attributes(item)))
    }
}

/// The items of a page, before they are read.
struct Found {
    /// Their ids, and where they stand in the list.
    shown: Vec<(Uuid, Position)>,
    next: Option<Next>,
}

/// Reads a page of ids from a list whose rows are all wanted.
async fn find_any(list: ShardedList<'_>, page: &PageRequest) -> Result<Found, TableError> {
    let (rows, next) = page_of(list, page).await?;
    let shown = rows.into_iter().map(|(position, row)| Ok((Row::read("items", row).take_id("id")?, position)));
    Ok(Found { shown: shown.collect::<Result<_, TableError>>()?, next })
}

/// Reads a page of ids from a list of index rows, not all of which are wanted.
async fn find_filtered(list: ShardedList<'_>, filter: &ItemFilter, page: &PageRequest) -> Result<Found, TableError> {
    let wanted = page.skip + page.limit;
    // Where rows are passed over, nobody knows how many: then all that may be looked at are read at once.
    let page_size = if filter.passes_over_rows() { MAX_ROWS_EXAMINED / usize::from(LIST_SHARDS) } else { wanted };
    let mut merge = Merge::start(list, page.after.as_ref(), page_size.min(MAX_ROWS_EXAMINED)).await?;
    // An item that was renamed between two reads can have a row in each.
    let mut seen = HashSet::new();
    let (mut found, mut last, mut ended) = (Vec::new(), None, false);
    for _ in 0..MAX_ROWS_EXAMINED {
        let Some((position, row)) = merge.next().await? else {
            ended = true;
            break;
        };
        let row = TermRow::read(row)?;
        if row.passes(filter) && seen.insert(row.item_id()) {
            found.push((row.item_id(), position.clone()));
        }
        last = Some(position);
        if found.len() == wanted {
            break;
        }
    }
    let skip = page.skip.saturating_sub(found.len());
    let next = if ended || !merge.may_have_more() { None } else { last.map(|after| Next { after, skip }) };
    let shown = found.split_off(page.skip.min(found.len()));
    Ok(Found { shown, next })
}

/// An upper bound of the bytes of an item in a Lambda answer, where JSON stands in a JSON string: what must be escaped
/// is escaped twice.
fn size_in_answer(item: &Item) -> usize {
    let escaped = |c: char| match c {
        '"' | '\\' => 4,
        c if c.is_ascii_control() => 7,
        c => c.len_utf8(),
    };
    let size = |text: &str| text.chars().map(escaped).sum::<usize>();
    let texts = item.tags.iter().map(Tag::as_str).chain([item.name.as_str()]).chain(item.description.as_deref());
    // The field names, the ids, the times and the numbers.
    1024 + texts.map(size).sum::<usize>()
}

fn if_unchanged(put: PutBuilder, old: &Item) -> PutBuilder {
    put.condition_expression("#version = :version")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":version", AttributeValue::N(old.version.to_string()))
}

fn attributes(item: &Item) -> HashMap<String, AttributeValue> {
    Row::new("items")
        .with_text("id", item.id.to_string())
        .with_text("list_shard", shard_of(item.id).to_string())
        .with_text("owner_id", item.owner_id.to_string())
        .with_text("name", &item.name)
        .with_optional_text("description", item.description.as_deref())
        .with_number("price", &item.price.amount())
        .with_optional_number("tax", item.tax.as_ref())
        .with_texts("tags", item.tags.iter().map(Tag::as_str))
        .with_text("created_at", item.created_at.to_string())
        .with_text("updated_at", item.updated_at.to_string())
        .with_number("version", &item.version)
        .with_number("schema", &SCHEMA)
        .into_attributes()
}

fn item_of(attributes: HashMap<String, AttributeValue>) -> Result<Item, TableError> {
    let mut row = Row::read("items", attributes);
    Ok(Item {
        id: row.take_id("id")?,
        owner_id: row.take_id("owner_id")?,
        name: row.take_text("name")?,
        description: row.take_optional_text("description")?,
        price: Price::from_stored(row.take_parsed("price")?),
        tax: row.take_optional_parsed("tax")?,
        tags: row.take_texts("tags")?.into_iter().map(Tag::from_stored).collect(),
        created_at: row.take_time("created_at")?,
        updated_at: row.take_time("updated_at")?,
        version: row.take_parsed("version")?,
    })
}
