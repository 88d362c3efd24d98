use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;

use super::{LIST_SHARDS, TableError};
use crate::page::{Next, PageRequest, Position};

/// A list that is spread over several partitions of a table or index, sorted by the same sort key in each.
#[derive(Debug, Clone)]
pub(super) struct ShardedList<'a> {
    pub(super) client: &'a Client,
    pub(super) table: &'a str,
    /// The index, if it isn't the table itself.
    pub(super) index: Option<&'static str>,
    pub(super) partition_key: &'static str,
    /// The partitions, one per shard.
    pub(super) partitions: Vec<String>,
    pub(super) sort_key: &'static str,
    /// What the sort key must begin with; empty for all.
    pub(super) prefix: String,
    pub(super) order: Order,
}

/// In which order of its sort key a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The least first: of ids, the oldest.
    Ascending,
    /// The greatest first: of ids, the newest.
    Descending,
}

/// Reads a sharded list in its order of the sort key, whatever shard the rows are in.
pub(super) struct Merge<'a> {
    list: ShardedList<'a>,
    /// The sort keys that are read, both included.
    range: (String, String),
    page_size: usize,
    shards: Vec<Shard>,
}

type Attributes = HashMap<String, AttributeValue>;

struct Shard {
    partition: String,
    rows: VecDeque<(String, Attributes)>,
    /// Where DynamoDB has stopped; `None` once the partition is exhausted.
    resume: Option<Attributes>,
}

impl Shard {
    /// Whether it has to be read on before its next row is known.
    fn must_read(&self) -> bool {
        self.rows.is_empty() && self.resume.is_some()
    }
}

impl<'a> ShardedList<'a> {
    /// All entities of a table, through its index `list`, in the order of their ids.
    pub(super) fn of_all(client: &'a Client, table: &'a str) -> Self {
        Self {
            client,
            table,
            index: Some("list"),
            partition_key: "list_shard",
            partitions: (0..LIST_SHARDS).map(|shard| shard.to_string()).collect(),
            sort_key: "id",
            prefix: String::new(),
            order: Order::Ascending,
        }
    }

    /// The sort keys behind `after`, or all: the least and the greatest of them.
    fn range(&self, after: Option<&Position>) -> (String, String) {
        // No key is the bare prefix, and none contains the greatest character.
        let whole = (format!("{}\0", self.prefix), format!("{}{GREATEST}", self.prefix));
        match (after, self.order) {
            (None, _) => whole,
            // The least string behind another one is that string and a NUL.
            (Some(Position(after)), Order::Ascending) => (format!("{after}\0"), whole.1),
            (Some(Position(after)), Order::Descending) => (whole.0, just_before(after)),
        }
    }
}

/// The greatest character.
const GREATEST: char = '\u{10FFFF}';

/// A string behind all keys that come before `key`, and before `key` itself.
fn just_before(key: &str) -> String {
    let mut characters = key.chars();
    let last = characters.next_back().unwrap_or_default();
    // Every string between the two begins with the lesser character and the greatest one, which no key does.
    match (char::MIN..last).next_back() {
        Some(lesser) => format!("{}{lesser}{GREATEST}", characters.as_str()),
        None => characters.as_str().to_owned(),
    }
}

impl<'a> Merge<'a> {
    /// Reads the first `page_size` rows of every shard behind `after`, all shards at once.
    pub(super) async fn start(
        list: ShardedList<'a>,
        after: Option<&Position>,
        page_size: usize,
    ) -> Result<Self, TableError> {
        let range = list.range(after);
        let first_pages = list.partitions.iter().map(|partition| list.read(partition.clone(), &range, page_size, None));
        let shards = try_join_all(first_pages).await?;
        Ok(Self { list, range, page_size, shards })
    }

    /// The next row with its sort key, `None` at the end. Reads on where shards have run out of rows, all at once.
    pub(super) async fn next(&mut self) -> Result<Option<(Position, Attributes)>, TableError> {
        // A page can be empty and yet not be the last one.
        while self.shards.iter().any(Shard::must_read) {
            let (list, range, page_size) = (&self.list, &self.range, self.page_size);
            let reads = std::mem::take(&mut self.shards).into_iter().map(|shard| async move {
                if shard.must_read() {
                    list.read(shard.partition, range, page_size, shard.resume).await
                } else {
                    Ok(shard)
                }
            });
            self.shards = try_join_all(reads).await?;
        }
        let order = self.list.order;
        let first = self.shards.iter_mut().filter(|shard| !shard.rows.is_empty()).min_by(|left, right| {
            let key = |shard: &Shard| shard.rows.front().map(|(key, _)| key.clone());
            let ascending = key(left).cmp(&key(right));
            if order == Order::Ascending { ascending } else { ascending.reverse() }
        });
        Ok(first.and_then(|shard| shard.rows.pop_front()).map(|(key, row)| (Position(key), row)))
    }

    /// Whether there may be more rows. It does not read on to find out, so it can be wrong at the very end of a list.
    pub(super) fn may_have_more(&self) -> bool {
        self.shards.iter().any(|shard| !shard.rows.is_empty() || shard.resume.is_some())
    }
}

impl ShardedList<'_> {
    async fn read(
        &self,
        partition: String,
        (least, greatest): &(String, String),
        page_size: usize,
        resume: Option<Attributes>,
    ) -> Result<Shard, TableError> {
        let answer = self
            .client
            .query()
            .table_name(self.table)
            .set_index_name(self.index.map(ToOwned::to_owned))
            .limit(i32::try_from(page_size).unwrap_or(i32::MAX))
            .scan_index_forward(self.order == Order::Ascending)
            .key_condition_expression("#partition = :partition AND #sort BETWEEN :least AND :greatest")
            .expression_attribute_names("#partition", self.partition_key)
            .expression_attribute_names("#sort", self.sort_key)
            .expression_attribute_values(":partition", AttributeValue::S(partition.clone()))
            .expression_attribute_values(":least", AttributeValue::S(least.clone()))
            .expression_attribute_values(":greatest", AttributeValue::S(greatest.clone()))
            .set_exclusive_start_key(resume)
            .send()
            .await
            .map_err(|error| TableError::call("Query", &error))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(|row| match row.get(self.sort_key) {
            Some(AttributeValue::S(key)) => Ok((key.clone(), row)),
            _ => Err(TableError::Row { table: "list", attribute: self.sort_key }),
        });
        Ok(Shard { partition, rows: rows.collect::<Result<_, _>>()?, resume: answer.last_evaluated_key })
    }
}

/// Reads a page of a sharded list whose rows are all wanted.
pub(super) async fn page_of(
    list: ShardedList<'_>,
    page: &PageRequest,
) -> Result<(Vec<(Position, Attributes)>, Option<Next>), TableError> {
    let wanted = page.skip + page.limit;
    // To pass over many rows, each shard is asked for its share at once; a page needs all of it in the worst case.
    let page_size = page.limit.max(wanted.div_ceil(usize::from(LIST_SHARDS)));
    let mut merge = Merge::start(list, page.after.as_ref(), page_size).await?;
    let (mut rows, mut last) = (Vec::new(), None);
    for index in 0..wanted {
        let Some((position, row)) = merge.next().await? else { break };
        last = Some(position.clone());
        if index >= page.skip {
            rows.push((position, row));
        }
    }
    let next = if merge.may_have_more() { last.map(|after| Next { after, skip: 0 }) } else { None };
    Ok((rows, next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_comes_before_a_key_is_all_that_a_descending_list_goes_on_with(key in "[0-9a-f-]{1,5}", other in "[0-9a-f-]{1,5}") {
            prop_assert_eq!(other <= just_before(&key), other < key);
        }
    }
}
