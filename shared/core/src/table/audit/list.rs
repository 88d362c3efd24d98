//! The audit trail as a list.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Audit, event_of};
use crate::audit::{AuditAction, AuditEvent};
use crate::page::{Next, Page, PageRequest};
use crate::table::TableError;
use crate::table::merge::{Merge, Order, ShardedList};

/// Which events a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those of one account.
    pub user_id: Option<Uuid>,
    /// Those of one kind.
    pub action: Option<AuditAction>,
}

/// Most rows that a filtered page reads.
const MAX_ROWS_EXAMINED: usize = 500;

impl AuditFilter {
    /// The list's name, which its cursors are bound to.
    pub fn list_name(&self) -> String {
        let user = self.user_id.map(|id| id.to_string());
        let action = self.action.map(AuditAction::as_str);
        format!("audit events of {} {}", user.as_deref().unwrap_or("all"), action.unwrap_or("all"))
    }

    fn passes(&self, event: &AuditEvent) -> bool {
        self.action.is_none_or(|action| event.action == action)
    }
}

impl Audit {
    /// A page of events, the newest first. It can lag behind by moments.
    ///
    /// A page costs one round trip, whatever the size of the table: a query of one account's events, or one per shard
    /// of everybody's. Events of one kind are picked out of at most 500, so that such a page can be short, even empty,
    /// while there is a next one.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn list(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<AuditEvent>, TableError> {
        let list = self.list_for(filter);
        let wanted = page.skip + page.limit;
        let examined = if filter.action.is_some() { MAX_ROWS_EXAMINED } else { wanted };
        let page_size = page.limit.max(examined.div_ceil(list.partitions.len()));
        let mut merge = Merge::start(list, page.after.as_ref(), page_size).await?;
        let (mut entries, mut passed, mut last) = (Vec::new(), 0, None);
        for _ in 0..examined {
            let Some((position, row)) = merge.next().await? else {
                return Ok(Page { entries, next: None });
            };
            let event = match event_of(row) {
                // All that follow are older, and expired as well.
                Ok(event) if event.is_expired(now) => return Ok(Page { entries, next: None }),
                Ok(event) => Some(event),
                Err(error) => {
                    // Another version of the code has written it. The others are shown all the same.
                    tracing::error!(%error, "a security event can't be read");
                    None
                }
            };
            last = Some(position);
            match event.filter(|event| filter.passes(event)) {
                Some(_) if passed < page.skip => passed += 1,
                Some(event) => entries.push(event),
                None => {}
            }
            if entries.len() == page.limit {
                break;
            }
        }
        let next = last.filter(|_| merge.may_have_more()).map(|after| Next { after, skip: page.skip - passed });
        Ok(Page { entries, next })
    }

    /// One account's events are together in the table; the index has everybody's.
    fn list_for(&self, filter: &AuditFilter) -> ShardedList<'_> {
        let all = ShardedList { order: Order::Descending, ..ShardedList::of_all(&self.client, &self.table) };
        match filter.user_id {
            None => all,
            Some(id) => ShardedList { index: None, partition_key: "user_id", partitions: vec![id.to_string()], ..all },
        }
    }
}
