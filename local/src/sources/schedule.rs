//! Schedules: functions that run at certain times, or now.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::task::JoinSet;

use super::{Invoker, Stop};
use crate::functions::Pool;
use crate::template::{Period, Schedule};
use crate::{ambient, identifiers};

/// The schedules of the template.
#[derive(Debug, Default)]
pub(crate) struct Schedules {
    entries: Vec<Arc<Entry>>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    schedule: Schedule,
    pool: Arc<Pool>,
    invoker: Invoker,
}

/// Why a schedule that was to run now has no result.
#[derive(Debug, Error)]
pub enum ScheduleError {
    /// No function of this name has a schedule.
    #[error("`{0}` has no schedule in the template")]
    Unknown(String),
    /// The function failed.
    #[error("{function}: {message}{}", .log.as_ref().map(|log| format!(" ({log})")).unwrap_or_default())]
    Failed {
        /// The function.
        function: String,
        /// What went wrong.
        message: String,
        /// The line of its output that says most about it.
        log: Option<String>,
    },
}

impl Schedules {
    pub(crate) fn new(schedules: &[Schedule], pool: impl Fn(&str) -> Option<Arc<Pool>>, invoker: &Invoker) -> Self {
        let entries = schedules.iter().filter_map(|schedule| {
            let pool = pool(schedule.function())?;
            Some(Arc::new(Entry { schedule: schedule.clone(), pool, invoker: invoker.clone() }))
        });
        Self { entries: entries.collect() }
    }

    /// Those that run by themselves.
    pub(crate) fn enabled(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter().filter(|entry| entry.schedule.enabled())
    }

    /// Runs the schedule of a function now, and returns the function's answer. If it has several, `<function>/<event>`
    /// names one; the function's name alone means the first.
    pub(crate) async fn run(&self, name: &str) -> Result<Value, ScheduleError> {
        let (function, event) = name.split_once('/').map_or((name, None), |(function, event)| (function, Some(event)));
        let entry = self.entries.iter().find(|entry| {
            entry.schedule.function() == function && event.is_none_or(|event| event == entry.schedule.name())
        });
        let entry = entry.ok_or_else(|| ScheduleError::Unknown(name.to_owned()))?;
        let failed = |message: String, log| ScheduleError::Failed { function: function.to_owned(), message, log };
        let event = Bytes::from(entry.event().to_string());
        let answer = entry.invoker.invoke(&entry.pool, identifiers::unique(), entry.source(), event).await;
        let answer = answer.map_err(|failure| failed(failure.kind.to_string(), failure.log))?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|error| failed(format!("the answer is not JSON: {error}"), None))
    }

    /// All of them, for people.
    pub(crate) fn view(&self) -> Value {
        let entries = self.entries.iter().map(|entry| {
            json!({
                "function": entry.schedule.function(),
                "event": entry.schedule.name(),
                "expression": entry.schedule.expression(),
                "enabled": entry.schedule.enabled(),
            })
        });
        Value::Array(entries.collect())
    }
}

impl Entry {
    /// Runs at its times until it is told to stop; first after one period.
    pub(crate) async fn run(self: Arc<Self>, mut stop: Stop) {
        let mut running = JoinSet::new();
        // Periods follow the clock, however long a run takes.
        let mut due = tokio::time::Instant::now();
        loop {
            match self.schedule.period() {
                Period::Every(period) => due += *period,
                Period::Calendar(cron) => {
                    let now = ambient::now();
                    let Some(next) = cron.next_after(now) else { break };
                    let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
                    due = tokio::time::Instant::now() + wait;
                }
            }
            tokio::select! {
                () = stop.requested() => break,
                () = tokio::time::sleep_until(due) => {}
            }
            while running.try_join_next().is_some() {}
            let (entry, stop) = (Arc::clone(&self), stop.clone());
            running.spawn(async move {
                entry.invoker.deliver(&entry.pool, &entry.source(), entry.event(), stop).await;
            });
        }
        while running.join_next().await.is_some() {}
    }

    fn source(&self) -> String {
        format!("schedule {}", self.schedule.expression())
    }

    fn event(&self) -> Value {
        self.schedule.event(&identifiers::unique(), ambient::now())
    }
}
