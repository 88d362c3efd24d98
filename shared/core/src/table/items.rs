use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, KeysAndAttributes, Put};
use uuid::Uuid;

use super::merge::{Merge, ShardedList, page_of};
use super::row::Row;
use super::terms::{self, TermRow};
use super::transaction::Transaction;
use super::{ConditionalWriteError, LIST_SHARDS, TableError, shard_of};
use crate::item::{Item, ItemFilter, Price, Tag};
use crate::page::{Next, Page, PageRequest};

/// The shape of an item's row that is written here.
const SCHEMA: u32 = 1;
/// Most index rows that a filtered page reads. The page may then be short, even empty, with more to come.
const MAX_ROWS_EXAMINED: usize = 500;
/// How often DynamoDB is asked for what it has left out of a batch.
const BATCH_ATTEMPTS: usize = 5;

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

impl Items {
    /// The tables of these names.
    pub fn new(client: Client, tables: ItemTables) -> Self {
        Self { client, tables }
    }

    /// Stores a new item with its index rows.
    ///
    /// # Errors
    /// See [`TableError`]. That the id is taken is one of them, because nobody chooses ids.
    pub async fn insert(&self, item: &Item) -> Result<(), TableError> {
        let mut transaction = Transaction::default();
        transaction.put(self.put(item).condition_expression("attribute_not_exists(id)"))?;
        for row in terms::rows_of(item) {
            transaction.put(row.put(&self.tables.terms))?;
        }
        transaction.send(&self.client).await?.map_err(|_| TableError::Contention)
    }

    /// Makes a first call while the function starts, so that the first request finds the connection open. If it fails, so
    /// will the request, and report it.
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
            return self.replace(put).await;
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
        transaction.send(&self.client).await?.map_err(|_| ConditionalWriteError::Outdated)
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
        transaction.send(&self.client).await?.map_err(|_| ConditionalWriteError::Outdated)
    }

    /// A page of the items that pass `filter`. It can lag behind by moments.
    ///
    /// Without a filter the oldest come first, and a page costs a query per shard. A filtered page reads at most
    /// 500 index rows and then the items, whatever the size of the table; items found by word are in the order of the
    /// words.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn list(&self, filter: &ItemFilter, page: &PageRequest) -> Result<Page<Item>, TableError> {
        let Some(list) = terms::list_for(filter, &self.client, &self.tables.terms) else {
            return self.list_all(page).await;
        };
        let wanted = page.skip + page.limit;
        let mut merge = Merge::start(list, page.after.as_ref(), wanted.clamp(1, 100)).await?;
        let (mut found, mut last, mut ended) = (Vec::new(), None, false);
        for _ in 0..MAX_ROWS_EXAMINED {
            let Some((position, row)) = merge.next().await? else {
                ended = true;
                break;
            };
            let row = TermRow::read(row)?;
            if row.passes(filter) {
                found.push(row.item_id());
            }
            last = Some(position);
            if found.len() == wanted {
                break;
            }
        }
        let skip = page.skip.saturating_sub(found.len());
        let next = if ended || !merge.may_have_more() { None } else { last.map(|after| Next { after, skip }) };
        let shown = found.get(page.skip.min(found.len())..).unwrap_or_default();
        Ok(Page { entries: self.find_all(shown).await?, next })
    }

    async fn list_all(&self, page: &PageRequest) -> Result<Page<Item>, TableError> {
        let list = ShardedList {
            client: &self.client,
            table: &self.tables.items,
            index: Some("list"),
            partition_key: "list_shard",
            partitions: (0..LIST_SHARDS).map(|shard| shard.to_string()).collect(),
            sort_key: "id",
            prefix: String::new(),
        };
        let (rows, next) = page_of(list, page).await?;
        Ok(Page { entries: rows.into_iter().map(item_of).collect::<Result<_, _>>()?, next })
    }

    /// The items with these ids, at most 100, in this order. One that has been deleted meanwhile is left out.
    async fn find_all(&self, ids: &[Uuid]) -> Result<Vec<Item>, TableError> {
        let mut found = HashMap::new();
        let mut missing: Vec<_> =
            ids.iter().map(|id| HashMap::from([("id".to_owned(), AttributeValue::S(id.to_string()))])).collect();
        for _ in 0..BATCH_ATTEMPTS {
            if missing.is_empty() {
                break;
            }
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut missing)))
                .build()
                .map_err(|error| TableError::Call { operation: "BatchGetItem", cause: error.to_string() })?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.tables.items, keys)
                .send()
                .await
                .map_err(|error| TableError::call("BatchGetItem", &error))?;
            for row in answer.responses.unwrap_or_default().into_values().flatten() {
                let item = item_of(row)?;
                found.insert(item.id, item);
            }
            missing = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|keys| keys.keys).collect();
        }
        if !missing.is_empty() {
            return Err(TableError::Contention);
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    fn put(&self, item: &Item) -> PutBuilder {
        Put::builder().table_name(&self.tables.items).set_item(Some(attributes(item)))
    }

    async fn replace(&self, put: Put) -> Result<(), ConditionalWriteError> {
        let sent = self
            .client
            .put_item()
            .table_name(put.table_name)
            .set_item(Some(put.item))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_names(put.expression_attribute_names)
            .set_expression_attribute_values(put.expression_attribute_values)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Err(ConditionalWriteError::Outdated)
            }
            Err(error) => Err(TableError::call("PutItem", &error).into()),
        }
    }
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
