//! The last invocations, whoever made them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

/// How many invocations are remembered.
pub(crate) const KEPT_INVOCATIONS: usize = 100;

/// The invocations that ended last.
#[derive(Debug, Default)]
pub(crate) struct Invocations {
    records: Mutex<VecDeque<Record>>,
}

/// An invocation that ended.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) time: Timestamp,
    pub(crate) function: String,
    /// The gateway's id, which the client got as `apigw-requestid`; without a client, the one that the function was
    /// told.
    pub(crate) request_id: String,
    /// What it was for: a request with its route, or an event with its source.
    pub(crate) route: String,
    /// What the client got; without one, 200 or 502.
    pub(crate) status: u16,
    pub(crate) duration: Duration,
    pub(crate) cold: bool,
}

impl Invocations {
    pub(crate) fn record(&self, record: Record) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() == KEPT_INVOCATIONS {
            records.pop_front();
        }
        records.push_back(record);
    }

    /// The latest first.
    pub(crate) fn view(&self) -> Value {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = records.iter().rev().map(|record| {
            json!({
                "time": record.time.to_string(),
                "function": record.function,
                "request_id": record.request_id,
                "route": record.route,
                "status": record.status,
                "duration_ms": (record.duration.as_secs_f64() * 1e6).round() / 1e3,
                "cold": record.cold,
            })
        });
        Value::Array(entries.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_invocations_are_shown_latest_first() {
        let invocations = Invocations::default();
        for number in 0..KEPT_INVOCATIONS + 5 {
            invocations.record(Record {
                time: Timestamp::UNIX_EPOCH,
                function: "items".to_owned(),
                request_id: number.to_string(),
                route: "GET /".to_owned(),
                status: 200,
                duration: Duration::from_micros(1500),
                cold: false,
            });
        }
        let view = invocations.view();
        assert_eq!(view.as_array().unwrap().len(), KEPT_INVOCATIONS);
        assert_eq!(view[0]["request_id"], "104");
        assert_eq!(view[0]["duration_ms"], 1.5);
    }
}
