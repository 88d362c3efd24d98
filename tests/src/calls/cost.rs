use std::collections::BTreeMap;
use std::fmt;

use super::Call;

/// What was recorded: the cost of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// The calls, with how often each is made, by how many round trips come before them.
    round_trips: Vec<Vec<(String, usize)>>,
    /// Read request units.
    reads: f64,
    /// Write request units.
    writes: f64,
    /// Rows that were read more than once.
    pub read_again: Vec<String>,
}

impl Cost {
    /// The calls with the tables and queues that they name, by round trips.
    pub fn calls(&self) -> Vec<Vec<&str>> {
        self.round_trips
            .iter()
            .map(|side_by_side| side_by_side.iter().map(|(call, _)| call.as_str()).collect())
            .collect()
    }

    pub(super) fn of(calls: &[Call]) -> Self {
        // Without the zero, the sum of nothing would be negative.
        let units = |is_read: bool| {
            0.0 + calls.iter().filter(|call| call.is_read() == is_read).map(|call| call.units).sum::<f64>()
        };
        let mut rows = BTreeMap::<_, usize>::new();
        for row in calls.iter().flat_map(|call| call.rows.clone()) {
            *rows.entry(row).or_default() += 1;
        }
        let read_again = rows.into_iter().filter(|(_, times)| *times > 1).map(|(row, _)| row).collect();
        Self { round_trips: round_trips(calls), reads: units(true), writes: units(false), read_again }
    }
}

/// Groups calls by how many others had to end, one after the other, before they began. Calls that are made side by side
/// begin before either of them ends, because all of a test runs on one thread.
fn round_trips(calls: &[Call]) -> Vec<Vec<(String, usize)>> {
    let (mut levels, mut round_trips) = (Vec::<(usize, usize)>::new(), Vec::<Vec<(String, usize)>>::new());
    for call in calls {
        let ended_before = levels.iter().filter(|(ended, _)| *ended < call.began);
        let level = ended_before.map(|(_, level)| level + 1).max().unwrap_or_default();
        levels.push((call.ended, level));
        if round_trips.len() <= level {
            round_trips.resize(level + 1, Vec::new());
        }
        let side_by_side = &mut round_trips[level];
        let name = call.to_string();
        match side_by_side.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => *times += 1,
            None => side_by_side.push((name, 1)),
        }
    }
    round_trips
}

/// As in the table of costs: calls, round trips, read and write request units.
impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named =
            |(call, times): &(String, usize)| if *times > 1 { format!("{times} × {call}") } else { call.clone() };
        let calls: Vec<_> = self
            .round_trips
            .iter()
            .map(|side_by_side| side_by_side.iter().map(named).collect::<Vec<_>>().join(", "))
            .collect();
        let calls = if calls.is_empty() { "none".to_owned() } else { calls.join(" → ") };
        write!(formatter, "{calls} | {} | {} | {}", self.round_trips.len(), self.reads, self.writes)
    }
}
