//! What `/_local/functions` shows.

use serde::Serialize;

use super::Pool;
use crate::functions::sandbox::Activity;

/// A function as `/_local/functions` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct PoolView {
    function: String,
    generation: u64,
    cold_starts: u64,
    invocations: u64,
    errors: u64,
    last_error: Option<String>,
    waiting: usize,
    sandboxes: Vec<SandboxView>,
}

#[derive(Debug, Serialize)]
struct SandboxView {
    pid: Option<u32>,
    state: Activity,
    started: String,
    invocations: u64,
    generation: u64,
}

impl Pool {
    /// The function as `/_local/functions` shows it.
    pub(crate) fn view(&self) -> PoolView {
        let state = self.lock();
        let sandboxes = state.sandboxes.iter().map(|sandbox| {
            let (activity, invocations) = sandbox.activity();
            SandboxView {
                pid: sandbox.pid,
                state: activity,
                started: sandbox.started.to_string(),
                invocations,
                generation: sandbox.generation,
            }
        });
        PoolView {
            function: self.config.name.clone(),
            generation: state.generation,
            cold_starts: state.cold_starts,
            invocations: state.invocations,
            errors: state.errors,
            last_error: state.last_error.clone(),
            waiting: state.waiting.len(),
            sandboxes: sandboxes.collect(),
        }
    }
}
