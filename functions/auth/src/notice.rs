use peregrine_core::job::Job;
use peregrine_core::mail::Notice;
use peregrine_core::table::Also;
use peregrine_core::user::User;

use crate::AuthState;

impl AuthState {
    /// See [`Job::notice`].
    pub(crate) fn notice(&self, what: Notice, user: &User, base_url: String) -> Option<Job> {
        Job::notice(what, user, base_url, self.clock.now(), &self.random)
    }

    /// The same writes, and the job if there is one.
    pub(crate) fn promising<'a>(&'a self, also: Also<'a>, job: Option<&'a Job>) -> Also<'a> {
        job.into_iter().fold(also, |also, job| also.and_promise(self.jobs.promise(job)))
    }
}
