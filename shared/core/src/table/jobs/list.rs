//! Lists of jobs: an owner's, or everybody's by state.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::Jobs;
use super::row::job_of;
use crate::job::{Job, JobState};
use crate::page::{Page, PageRequest};
use crate::table::batch::get_all;
use crate::table::merge::{Order, ShardedList, page_of};
use crate::table::row::Row;
use crate::table::{LIST_SHARDS, TableError};

/// Which jobs a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobFilter {
    /// An owner's: all, or those in one state.
    Of(Uuid, Option<JobState>),
    /// Everybody's in one state.
    Everybodys(JobState),
}

impl JobFilter {
    /// The list's name, which its cursors are bound to.
    pub fn list_name(&self) -> String {
        match self {
            Self::Of(owner, None) => format!("jobs of {owner}"),
            Self::Of(owner, Some(state)) => format!("jobs of {owner} {state}"),
            Self::Everybodys(state) => format!("jobs {state}"),
        }
    }

    /// Whether the list shows a job that was found in it: the index can lag behind, and an owner's has all states.
    fn shows(&self, job: &Job) -> bool {
        match self {
            Self::Of(owner, state) => job.owner_id == *owner && state.is_none_or(|state| job.state == state),
            Self::Everybodys(state) => job.state == *state,
        }
    }
}

impl Jobs {
    /// A page of jobs, the oldest first. It can lag behind by moments. A page costs two round trips, whatever the size
    /// of the table: the keys, and then the jobs.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn list(&self, filter: &JobFilter, page: &PageRequest, now: Timestamp) -> Result<Page<Job>, TableError> {
        let (index, partition_key, name) = match filter {
            JobFilter::Of(owner, _) => ("owner", "owner_shard", owner.to_string()),
            JobFilter::Everybodys(state) => ("state", "state_shard", state.to_string()),
        };
        let list = ShardedList {
            client: &self.client,
            table: &self.table,
            index: Some(index),
            partition_key,
            partitions: (0..LIST_SHARDS).map(|shard| format!("{name}#{shard}")).collect(),
            sort_key: "id",
            prefix: String::new(),
            order: Order::Ascending,
        };
        let (rows, next) = page_of(list, page).await?;
        let ids = rows.into_iter().map(|(_, row)| Row::read("jobs", row).take_id("id"));
        let ids: Vec<Uuid> = ids.collect::<Result<_, _>>()?;
        let mut jobs = HashMap::new();
        for row in get_all(&self.client, &self.table, ids.iter().copied()).await? {
            match job_of(row) {
                Ok(job) => drop(jobs.insert(job.id, job)),
                // Another version of the code has written it. The others are shown all the same.
                Err(error) => tracing::error!(%error, "a job can't be read"),
            }
        }
        let shown = ids.iter().filter_map(|id| jobs.remove(id));
        let shown = shown.filter(|job| filter.shows(job) && !job.is_expired(now));
        Ok(Page { entries: shown.collect(), next })
    }
}
