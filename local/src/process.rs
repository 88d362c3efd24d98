//! Child processes that leave nothing behind.

use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// The process group that a child leads. Whatever belongs to it is killed when this is dropped, also in the middle of
/// a start that is given up.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    leader: Mutex<Option<Pid>>,
}

impl ProcessGroup {
    /// The group of a child that was spawned with `process_group(0)`.
    pub(crate) fn of(child: &tokio::process::Child) -> Self {
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { leader: Mutex::new(pid) }
    }

    /// Asks every process of the group to end.
    pub(crate) fn terminate(&self) {
        signal(*self.leader.lock().unwrap_or_else(PoisonError::into_inner), Signal::TERM);
    }

    /// Ends every process of the group at once, also those that outlived their leader. After this the group is
    /// forgotten, because its number may be given to others.
    pub(crate) fn kill(&self) {
        signal(self.leader.lock().unwrap_or_else(PoisonError::into_inner).take(), Signal::KILL);
    }

    /// Leaves the group alone: its leader has ended as it should, and may have left something for others.
    pub(crate) fn forget(&self) {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

fn signal(leader: Option<Pid>, signal: Signal) {
    if let Some(leader) = leader {
        // It fails if nobody is left, which is what was wanted.
        let _ = kill_process_group(leader, signal);
    }
}
