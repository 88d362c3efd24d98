//! Webhooks.
use crate::job::{Job, JobView};
/// The event.
pub fn event_of(job: &Job) -> String {
    serde_json::to_string(&JobView::from(job)).unwrap_or_default()
}
