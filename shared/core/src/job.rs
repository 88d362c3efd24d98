//! Jobs: work that an answer promised and that is done after it.
//!
//! A job's row is written in the transaction of what promises it; a message in a queue only says that it is there. So
//! the row decides: what state the work is in, who does it, and how it ended. The whole picture is in `docs/jobs.md`.

mod retries;
mod state;
mod view;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::mail::{Letter, Notice};
use crate::random::Random;
use crate::user::User;
use crate::web_url::WebUrl;
use crate::webhook;

pub use retries::{Retries, RetriesError};
pub use state::{JobState, Kind};
pub use view::JobView;

/// How far apart the clocks of two functions may be. A lease outlasts its worker by this, and a job may be begun this
/// much before its time, as another clock sees it.
pub const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// The longest that a queue holds a message back (the limit of SQS). Whatever is to be done later waits in the table.
pub const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// How long a finished job can be looked at.
pub const KEPT: Duration = Duration::from_hours(30 * 24);

/// Work that was promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Identifies the job for good.
    pub id: Uuid,
    /// On whose behalf it is done; they may look at it and cancel it.
    pub owner_id: Uuid,
    /// What is to be done.
    pub task: Task,
    /// How far it is.
    pub state: JobState,
    /// How often it has been begun.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Not to be done before this time.
    pub run_at: Timestamp,
    /// Who is at it, while somebody is.
    pub lease: Option<Lease>,
    /// Where to tell how it ended.
    pub webhook: Option<WebUrl>,
    /// While a job of the owner's with this key is queued or running, there is no other one.
    pub unique_key: Option<String>,
    /// When it was promised.
    pub created_at: Timestamp,
    /// When anything of this last changed.
    pub updated_at: Timestamp,
    /// When it succeeded, failed for good, or was cancelled.
    pub finished_at: Option<Timestamp>,
    /// Counts the changes, for optimistic locking.
    pub version: u64,
}

/// What a job does: the payload that its worker gets, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Send a mail.
    Email(Letter),
    /// Tell another system how a job ended.
    Webhook(Delivery),
}

/// What another system is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Where to.
    pub url: WebUrl,
    /// Whose secret it is signed with.
    pub owner_id: Uuid,
    /// The JSON, the same at every attempt.
    pub body: String,
}

/// A worker's right to a job: nobody else takes it before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Tells this attempt from any other.
    pub id: Uuid,
    /// When it ends. By then the platform has ended the worker's invocation, and the clocks' difference has passed too.
    pub until: Timestamp,
}

impl Task {
    /// What kind of work it is, which says whose queue it goes to.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Email(_) => Kind::Email,
            Self::Webhook(_) => Kind::Webhook,
        }
    }
}

impl Job {
    /// A job that is to be done at once.
    pub fn new(task: Task, owner_id: Uuid, now: Timestamp, random: &Random) -> Self {
        Self {
            id: random.uuid(now),
            owner_id,
            task,
            state: JobState::Queued,
            attempts: 0,
            last_error: None,
            run_at: now,
            lease: None,
            webhook: None,
            unique_key: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
            version: 1,
        }
    }

    /// A job that sends a letter, on behalf of `owner_id`.
    pub fn mail(letter: Letter, owner_id: Uuid, now: Timestamp, random: &Random) -> Self {
        Self::new(Task::Email(letter), owner_id, now, random)
    }

    /// A job that tells a user what happened to their account. It belongs to nobody: whoever has got hold of the
    /// account could cancel it, and its owner would not hear of it. An address that nobody has confirmed is told
    /// nothing, because it may be a stranger's.
    pub fn notice(what: Notice, user: &User, base_url: String, now: Timestamp, random: &Random) -> Option<Self> {
        let letter = Letter::notice(what, &user.email, base_url);
        user.is_verified.then(|| Self::mail(letter, Uuid::nil(), now, random))
    }

    /// How long a queue must hold a message about the job back, `None` if that is longer than a queue can.
    pub fn delay(&self, now: Timestamp) -> Option<Duration> {
        let wait = Duration::try_from(self.run_at.duration_since(now)).unwrap_or_default();
        (wait <= LONGEST_DELAY).then_some(wait)
    }

    /// When somebody has to look after the job unless it has moved by then: `None` once it is finished.
    ///
    /// A worker that is at it has until its lease ends. What a queue knows of has the clocks' difference to be begun
    /// after its time; what is too far off for a queue is sent that much ahead, so that it arrives in time.
    pub fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            JobState::Running => self.lease.map(|lease| lease.until),
            JobState::Queued if self.delay(self.updated_at).is_some() => Some(later(self.run_at, CLOCK_SKEW)),
            JobState::Queued => self.run_at.checked_sub(CLOCK_SKEW).ok(),
            JobState::Succeeded | JobState::Failed | JobState::Cancelled => None,
        }
    }

    /// When the job is forgotten: `None` before it is finished.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.finished_at.map(|time| later(time, KEPT))
    }

    /// Whether the job is forgotten, though DynamoDB may not have deleted it yet.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|time| time <= now)
    }

    /// The job, finished.
    #[must_use]
    pub fn finished(&self, state: JobState, last_error: Option<String>, now: Timestamp) -> Self {
        Self { state, last_error, lease: None, finished_at: Some(now), ..self.changed(now) }
    }

    /// The job, to be tried again after `wait`.
    #[must_use]
    pub fn put_off(&self, wait: Duration, last_error: String, now: Timestamp) -> Self {
        Self {
            state: JobState::Queued,
            run_at: later(now, wait),
            last_error: Some(last_error),
            lease: None,
            ..self.changed(now)
        }
    }

    /// A job that failed for good, to be tried as if it were new. What the last error was stays to be seen.
    #[must_use]
    pub fn revived(&self, now: Timestamp) -> Self {
        Self { state: JobState::Queued, attempts: 0, run_at: now, finished_at: None, ..self.changed(now) }
    }

    /// What a finished job leaves to be done: to tell whoever wants to know.
    pub fn telling(&self, now: Timestamp, random: &Random) -> Option<Self> {
        let url = self.webhook.clone().filter(|_| self.finished_at.is_some())?;
        let body = webhook::event_of(self);
        Some(Self::new(Task::Webhook(Delivery { url, owner_id: self.owner_id, body }), self.owner_id, now, random))
    }

    fn changed(&self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }
    }
}

/// A time later, or the last one that can be told.
pub fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::Email;
    use crate::mail::Content;

    fn job(now: Timestamp) -> Job {
        let content = Content::Notification { subject: "Hello".to_owned(), message: "You".to_owned() };
        let to = Email::parse("ann@example.com").unwrap();
        let letter = Letter { to, base_url: "https://api.example.com".to_owned(), content };
        Job::new(Task::Email(letter), Uuid::nil(), now, &Random::system())
    }

    #[test]
    fn what_a_queue_can_hold_is_due_after_its_time_and_what_it_cannot_before() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (minutes, delay, due_after_seconds) in [(0, Some(0), 60), (15, Some(900), 960), (16, None, 900)] {
            let job = Job { run_at: later(now, Duration::from_mins(minutes)), ..job(now) };
            assert_eq!(job.delay(now), delay.map(Duration::from_secs));
            assert_eq!(job.due_at(), Some(later(now, Duration::from_secs(due_after_seconds))));
        }
    }

    #[test]
    fn a_finished_job_is_due_no_more_and_forgotten_after_thirty_days() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let queued = job(now);
        assert_eq!(queued.expires_at(), None);
        let failed = queued.finished(JobState::Failed, Some("no".to_owned()), now);
        assert_eq!((failed.due_at(), failed.expires_at()), (None, Some(later(now, KEPT))));
        let revived = failed.revived(now);
        assert_eq!((revived.state, revived.due_at().is_some(), revived.expires_at()), (JobState::Queued, true, None));
    }

    #[test]
    fn a_task_keeps_its_form_in_the_table() {
        let task = job(Timestamp::UNIX_EPOCH).task;
        let stored = serde_json::to_string(&task).unwrap();
        assert_eq!(
            stored,
            r#"{"kind":"email","to":"ann@example.com","base_url":"https://api.example.com","content":{"template":"notification","subject":"Hello","message":"You"}}"#
        );
        assert_eq!(serde_json::from_str::<Task>(&stored).unwrap(), task);
    }
}
