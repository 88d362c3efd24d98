//! What Linux knows of a process.

use std::fs;
use std::time::Duration;

use crate::Result;

/// CPU time of all threads of a process, to the nanosecond.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
        total += statistics.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}

/// CPU time of the thread that asks, to the nanosecond.
pub(crate) fn own_thread_cpu_time() -> Result<Duration> {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(statistics.split(' ').next().unwrap_or_default().parse()?))
}

/// Memory of a process in KiB; what it shares with others is divided among them.
pub(crate) fn memory(pid: u32) -> Result<u64> {
    let map = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = map.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no Pss in smaps_rollup")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The processes whose parent is this one.
pub(crate) fn children() -> Result<Vec<u32>> {
    let own = std::process::id();
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let ids = fs::read_to_string(thread?.path().join("children"))?;
        children.extend(ids.split_whitespace().filter_map(|id| id.parse::<u32>().ok()).filter(|id| *id != own));
    }
    Ok(children)
}
