//! Who may do a job: one worker at a time, until its lease ends.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use peregrine_core::job::{Job, JobState, Lease};
use peregrine_core::random::Random;
use peregrine_core::table::ConditionalWriteError;
use serde_json::json;
use tests::app::App;
use uuid::Uuid;

/// How long a lease lasts in these tests.
const LEASE: Duration = Duration::from_secs(90);

/// A job that waits.
async fn queued(app: &App) -> Uuid {
    let admin = app.admin().await;
    let mail = json!({"email": "bob@example.com", "message": "Hello"});
    let accepted = app.post("/notifications").by(&admin).json(&mail).send().await;
    Uuid::parse_str(&accepted.text("/id")).unwrap()
}

async fn claim(app: &App, id: Uuid, now: Timestamp) -> Option<Job> {
    let lease = Lease { id: Random::system().uuid(now), until: now + LEASE };
    app.jobs.claim(id, lease, now).await.unwrap()
}

#[tokio::test]
async fn of_many_workers_one_gets_the_job() {
    let app = App::start().await;
    let id = queued(&app).await;
    let now = app.now();
    let claims = join_all((0..10).map(|_| claim(&app, id, now))).await;
    let claimed: Vec<_> = claims.into_iter().flatten().collect();
    let [job] = claimed.as_slice() else { panic!("one claim, not {claimed:?}") };
    assert_eq!((job.state, job.attempts, job.version), (JobState::Running, 1, 2));
    assert_eq!(app.jobs.find(id, now).await.unwrap().as_ref(), Some(job));
}

#[tokio::test]
async fn a_claim_that_is_repeated_because_its_answer_was_lost_succeeds() {
    let app = App::start().await;
    let id = queued(&app).await;
    let now = app.now();
    let lease = Lease { id: Uuid::max(), until: now + LEASE };
    let first = app.jobs.claim(id, lease, now).await.unwrap();
    assert_eq!(app.jobs.claim(id, lease, now).await.unwrap(), first);
    assert_eq!(first.unwrap().attempts, 1, "and counts once");
}

#[tokio::test]
async fn a_lease_that_has_run_out_lets_another_worker_in_and_the_first_records_nothing() {
    let app = App::start().await;
    let id = queued(&app).await;
    let now = app.now();
    let first = claim(&app, id, now).await.unwrap();
    assert_eq!(claim(&app, id, now + LEASE - Duration::from_micros(1)).await, None);
    let due = app.jobs.due(now + LEASE, 10).await.unwrap();
    assert_eq!(due.iter().map(|due| due.id).collect::<Vec<_>>(), [id], "the relay finds it");
    let second = claim(&app, id, now + LEASE).await.unwrap();
    assert_eq!(second.attempts, 2);
    let done = |job: &Job| job.finished(JobState::Succeeded, None, now + LEASE);
    let late = app.jobs.update(&first, &done(&first), None).await;
    assert!(matches!(late, Err(ConditionalWriteError::Outdated)), "{late:?}");
    app.jobs.update(&second, &done(&second), None).await.unwrap();
    let found = app.jobs.find(id, now).await.unwrap().unwrap();
    assert_eq!((found.state, found.attempts, found.lease), (JobState::Succeeded, 2, None));
    assert!(app.jobs.due(Timestamp::MAX, 10).await.unwrap().is_empty(), "nothing is left to do");
}

#[tokio::test]
async fn a_clock_that_is_a_minute_off_neither_keeps_a_job_nor_takes_it_from_its_worker() {
    let app = App::start().await;
    let minute = Duration::from_mins(1);
    let now = app.now();
    let slow = queued(&app).await;
    assert!(claim(&app, slow, now - minute).await.is_some(), "a worker whose clock is slow begins at once");

    // A worker's lease outlasts its invocation by a minute, so one whose clock is fast finds it valid until then.
    let id = queued(&app).await;
    let timeout = LEASE.saturating_sub(minute);
    claim(&app, id, now).await.unwrap();
    let just_before_its_end = now + timeout - Duration::from_micros(1);
    assert_eq!(claim(&app, id, just_before_its_end + minute).await, None);
}

#[tokio::test]
async fn a_job_that_failed_once_waits_for_its_next_attempt() {
    let app = App::start().await;
    let id = queued(&app).await;
    let now = app.now();
    let job = claim(&app, id, now).await.unwrap();
    let wait = Duration::from_mins(5);
    app.jobs.update(&job, &job.put_off(wait, "busy".to_owned(), now), None).await.unwrap();
    assert_eq!(claim(&app, id, now + Duration::from_secs(239)).await, None);
    let job = claim(&app, id, now + wait).await.unwrap();
    assert_eq!((job.attempts, job.last_error.as_deref()), (2, Some("busy")));
}
