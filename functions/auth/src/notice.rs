use peregrine_core::job::{Job, Task};
use peregrine_core::mail::{Letter, Notice};
use peregrine_core::table::Also;
use peregrine_core::user::User;

use crate::AuthState;

impl AuthState {
    /// The job that tells a user what happened to their account. An address that nobody has confirmed is told nothing,
    /// because it may be a stranger's.
    pub(crate) fn notice(&self, what: Notice, user: &User, base_url: String) -> Option<Job> {
        let letter = Letter::notice(what, &user.email, base_url);
        user.is_verified.then(|| Job::new(Task::Email(letter), user.id, self.clock.now(), &self.random))
    }

    /// The same writes, and the job if there is one.
    pub(crate) fn promising<'a>(&'a self, also: Also<'a>, job: Option<&'a Job>) -> Also<'a> {
        job.into_iter().fold(also, |also, job| also.and_promise(self.jobs.promise(job)))
    }
}
