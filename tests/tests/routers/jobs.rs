//! Background work as its owners and admins see it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use peregrine_core::job::{Job, JobState, Lease};
use peregrine_core::one_time::Purpose;
use peregrine_core::random::Random;
use serde_json::{Value, json};
use tests::app::App;
use tests::client::{Account, Answer};
use uuid::Uuid;

async fn notify(app: &App, caller: &Account, body: Value) -> Answer {
    app.post("/notifications").by(caller).json(&body).send().await
}

fn mail() -> Value {
    json!({"email": "bob@example.com", "message": "Hello"})
}

/// The jobs of a user, by state.
async fn states(app: &App, account: &Account) -> Vec<String> {
    let listed = app.get("/jobs?limit=100").by(account).send().await;
    listed.body.as_array().unwrap().iter().map(|job| job["state"].as_str().unwrap().to_owned()).collect()
}

/// The job behind an answer, as the table has it.
async fn stored(app: &App, id: &str) -> Job {
    app.jobs.find(Uuid::parse_str(id).unwrap(), app.now()).await.unwrap().unwrap()
}

/// Ends a job as a worker would.
async fn finish(app: &App, id: &str, state: JobState) {
    let job = stored(app, id).await;
    let cause = (state == JobState::Failed).then(|| "the cause".to_owned());
    app.jobs.update(&job, &job.finished(state, cause, app.now()), None).await.unwrap();
}

#[tokio::test]
async fn a_notification_is_a_job_that_its_owner_sees() {
    let app = App::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let accepted = notify(&app, &admin, mail()).await;
    assert_eq!(
        (accepted.status, accepted.text("/state").as_str(), accepted.text("/kind").as_str()),
        (202, "queued", "email")
    );
    assert_eq!((&accepted.body["attempts"], &accepted.body["last_error"]), (&json!(0), &Value::Null));
    let location = accepted.header("location").unwrap().to_owned();
    let shown = app.get(location.strip_prefix("/api/v1").unwrap()).by(&admin).send().await;
    assert_eq!((shown.status, &shown.body), (200, &accepted.body));
    assert_eq!(shown.header("etag"), accepted.header("etag"));
    assert!(!accepted.raw.contains("bob"), "an answer tells nobody's address");
    let others = app.get(&format!("/jobs/{}", accepted.text("/id"))).by(&ann).send().await;
    assert_eq!((others.status, others.body), (404, json!({"detail": "Job not found"})));
}

#[tokio::test]
async fn sending_to_any_address_needs_a_scope_and_to_oneself_does_not() {
    let app = App::start().await;
    let (admin, ann, bob) = (app.admin().await, app.user("ann").await, app.user("bob").await);
    assert_eq!(notify(&app, &ann, mail()).await.status, 403);
    let notify = |id: &str| app.post(&format!("/users/{id}/notify"));
    let unconfirmed = notify(&ann.id).by(&ann).send().await;
    assert_eq!((unconfirmed.status, unconfirmed.text("/detail").as_str()), (409, "Confirm your email address first"));
    let link = app.mailed_link(Purpose::VerifyEmail, &ann).await;
    assert_eq!(app.post(&link).send().await.status, 200);
    for (caller, status) in [(&ann, 202), (&admin, 202), (&bob, 403)] {
        assert_eq!(notify(&ann.id).by(caller).send().await.status, status, "{}", caller.username);
    }
    let custom = json!({"subject": "Yours", "message": "Truly"});
    assert_eq!(notify(&ann.id).by(&ann).json(&custom).send().await.status, 202);
    assert_eq!(notify(&Uuid::nil().to_string()).by(&admin).send().await.status, 404);
    let scopes = json!({"scopes": ["users:read", "notifications:send"]});
    app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&scopes).send().await;
    let ann = app.sign_in("ann", tests::app::PASSWORD).await;
    assert_eq!(self::notify(&app, &ann, mail()).await.status, 202);
    assert_eq!(app.post("/send-notification/").by(&ann).json(&mail()).send().await.status, 202, "the guides' name");
}

#[tokio::test]
async fn a_sign_up_promises_a_welcome() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let listed = app.get("/jobs").by(&ann).send().await;
    assert_eq!((listed.body[0]["kind"].as_str(), listed.ids().len()), (Some("email"), 1));
    let refused = json!({"email": "ann@example.com", "username": "other", "password": "Passw0rd1"});
    assert_eq!(app.post("/users").json(&refused).send().await.status, 409);
    let admin = app.admin().await;
    let queued = app.get("/jobs?state=queued").by(&admin).send().await;
    assert_eq!(queued.ids(), listed.ids(), "a sign-up that is refused promises nothing");
}

#[tokio::test]
async fn a_line_break_in_a_subject_is_refused() {
    let app = App::start().await;
    let admin = app.admin().await;
    for subject in ["a\r\nBcc: eve@example.com", "a\nb", "a\u{0}", "\u{7f}", ""] {
        let answer =
            notify(&app, &admin, json!({"email": "bob@example.com", "subject": subject, "message": "m"})).await;
        assert_eq!(answer.status, 422, "{subject:?}");
        assert!(answer.faults()[0].ends_with(" body.subject"), "{answer:?}");
    }
    let all = notify(&app, &admin, json!({"email": "bob\r\n@x", "run_at": "soon", "webhook": "ftp://x"})).await;
    assert_eq!(
        all.faults(),
        [
            "value_error body.email",
            "missing body.message",
            "datetime_from_date_parsing body.run_at",
            "url_scheme body.webhook",
        ]
    );
}

#[tokio::test]
async fn a_repeated_request_promises_once() {
    let app = App::start().await;
    let admin = app.admin().await;
    let send = || app.post("/notifications").by(&admin).header("idempotency-key", "one").json(&mail()).send();
    let (first, again) = (send().await, send().await);
    assert_eq!((first.status, again.status, again.header("idempotent-replayed")), (202, 202, Some("true")));
    assert_eq!((&first.body, first.header("location")), (&again.body, again.header("location")));
    assert_eq!(states(&app, &admin).await.len(), 1);
}

#[tokio::test]
async fn a_unique_key_admits_one_job_at_a_time() {
    let app = App::start().await;
    let admin = app.admin().await;
    let keyed = || notify(&app, &admin, json!({"email": "bob@example.com", "message": "m", "unique_key": "order"}));
    let first = keyed().await;
    let second = keyed().await;
    assert_eq!((first.status, second.status), (202, 409));
    assert_eq!(second.body, json!({"detail": "A job with this key is queued or running"}));
    assert_eq!(app.delete(&format!("/jobs/{}", first.text("/id"))).by(&admin).send().await.status, 200);
    let third = keyed().await;
    assert_eq!(third.status, 202, "a job that is off gives its key up");
    finish(&app, &third.text("/id"), JobState::Failed).await;
    let fourth = keyed().await;
    assert_eq!(fourth.status, 202, "and so does one that failed");
    let retried = app.post(&format!("/jobs/{}/retry", third.text("/id"))).by(&admin).send().await;
    assert_eq!(retried.status, 409, "which then can't be tried again beside its successor");
    finish(&app, &fourth.text("/id"), JobState::Succeeded).await;
    assert_eq!(app.post(&format!("/jobs/{}/retry", third.text("/id"))).by(&admin).send().await.status, 202);
    assert_eq!(keyed().await.status, 409);
}

#[tokio::test]
async fn a_queued_job_can_be_cancelled_and_no_other() {
    let app = App::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let accepted = notify(&app, &admin, mail()).await;
    let cancel = || app.delete(&format!("/jobs/{}", accepted.text("/id")));
    assert_eq!(cancel().by(&ann).send().await.status, 404);
    assert_eq!(cancel().by(&admin).header("if-match", "\"other\"").send().await.status, 412);
    for _ in 0..2 {
        let cancelled = cancel().by(&admin).send().await;
        assert_eq!((cancelled.status, cancelled.text("/state").as_str()), (200, "cancelled"));
    }
    let id = Uuid::parse_str(&accepted.text("/id")).unwrap();
    let lease = Lease { id: Uuid::nil(), until: app.now() + Duration::from_secs(90) };
    assert_eq!(app.jobs.claim(id, lease, app.now()).await.unwrap(), None, "no worker begins it");

    let running = notify(&app, &admin, mail()).await.text("/id");
    app.jobs.claim(Uuid::parse_str(&running).unwrap(), lease, app.now()).await.unwrap().unwrap();
    assert_eq!(app.delete(&format!("/jobs/{running}")).by(&admin).send().await.status, 409);
    finish(&app, &running, JobState::Succeeded).await;
    assert_eq!(app.delete(&format!("/jobs/{running}")).by(&admin).send().await.status, 409);
}

#[tokio::test]
async fn admins_see_everybodys_jobs_by_state_and_try_dead_ones_again() {
    let app = App::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let mut failed = Vec::new();
    for _ in 0..3 {
        let id = notify(&app, &admin, mail()).await.text("/id");
        finish(&app, &id, JobState::Failed).await;
        failed.push(id);
    }
    // Ids of one millisecond are in no order.
    failed.sort();
    let list = |query: &str| app.get(&format!("/jobs{query}"));
    assert_eq!(list("?state=failed").by(&admin).send().await.ids(), failed);
    assert_eq!(list("?state=queued").by(&admin).send().await.ids(), list("").by(&ann).send().await.ids());
    assert_eq!(list(&format!("?owner={}", ann.id)).by(&admin).send().await.ids().len(), 1);
    assert_eq!(list(&format!("?owner={}", admin.id)).by(&ann).send().await.status, 403);
    assert_eq!(list("?state=failed").by(&ann).send().await.ids(), Vec::<String>::new(), "only her own");
    assert_eq!(list("?state=broken").by(&ann).send().await.faults(), ["enum query.state"]);

    let retry = |id: &str| app.post(&format!("/jobs/{id}/retry"));
    assert_eq!(retry(&failed[0]).by(&ann).send().await.status, 403);
    let retried = retry(&failed[0]).by(&admin).send().await;
    assert_eq!(
        (retried.status, retried.text("/state").as_str(), &retried.body["attempts"]),
        (202, "queued", &json!(0))
    );
    assert_eq!(retried.text("/last_error"), "the cause");
    assert_eq!(retry(&failed[0]).by(&admin).send().await.status, 409);
    let all = app.post("/jobs/retry").by(&admin).send().await;
    assert_eq!((all.status, all.body), (202, json!({"revived": 2, "skipped": 0, "next": null})));
    assert_eq!(list("?state=failed").by(&admin).send().await.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn a_finished_job_is_forgotten_after_thirty_days_even_if_its_row_is_still_there() {
    let app = App::start().await;
    let admin = app.admin().await;
    let id = notify(&app, &admin, mail()).await.text("/id");
    finish(&app, &id, JobState::Succeeded).await;
    app.pass(SignedDuration::from_hours(30 * 24));
    let admin = app.admin().await;
    assert_eq!(app.get(&format!("/jobs/{id}")).by(&admin).send().await.status, 404);
    assert_eq!(app.get("/jobs").by(&admin).send().await.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_accepted_can_be_read_again_however_long_it_is() {
    let app = App::start().await;
    let admin = app.admin().await;
    let webhook = format!("https://example.com/{}", "é".repeat(1000));
    let accepted = notify(&app, &admin, json!({"email": "bob@example.com", "message": "m", "webhook": webhook})).await;
    assert_eq!(accepted.status, 202);
    let id = accepted.text("/id");
    let webhook = stored(&app, &id).await.webhook.unwrap();
    assert!(webhook.as_str().len() > 2083, "it is stored percent-encoded");
    finish(&app, &id, JobState::Succeeded).await;
    let telling = stored(&app, &id).await.telling(app.now(), &Random::system()).unwrap();
    app.jobs.insert(&telling, None).await.unwrap();
    assert_eq!(stored(&app, &telling.id.to_string()).await, telling);
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_recorded_once() {
    let app = App::start().await;
    let admin = app.admin().await;
    let keyed = json!({"email": "bob@example.com", "message": "m", "unique_key": "order"});
    let id = notify(&app, &admin, keyed).await.text("/id");
    let job = stored(&app, &id).await;
    let done = job.finished(JobState::Succeeded, None, app.now());
    for _ in 0..2 {
        app.jobs.update(&job, &done, None).await.unwrap();
    }
    assert_eq!(stored(&app, &id).await, done);
}

#[tokio::test]
async fn work_for_later_is_neither_begun_nor_forgotten_before_its_time() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (now, at) = (app.now(), app.now() + SignedDuration::from_hours(2));
    let accepted =
        notify(&app, &admin, json!({"email": "bob@example.com", "message": "m", "run_at": at.to_string()})).await;
    assert_eq!((accepted.status, accepted.text("/run_at")), (202, at.to_string()));
    let id = Uuid::parse_str(&accepted.text("/id")).unwrap();
    let claim = |now: Timestamp| {
        let lease = Lease { id: Uuid::nil(), until: now + Duration::from_secs(90) };
        app.jobs.claim(id, lease, now)
    };
    let due = |now: Timestamp| app.jobs.due(now, 10);
    assert_eq!(claim(now + SignedDuration::from_mins(118)).await.unwrap(), None);
    assert!(due(now + SignedDuration::from_mins(118)).await.unwrap().is_empty());
    let found = due(now + SignedDuration::from_mins(119)).await.unwrap();
    assert_eq!(found.iter().map(|due| due.id).collect::<Vec<_>>(), [id], "the relay sends it in time");
    assert_eq!(claim(at).await.unwrap().unwrap().state, JobState::Running);

    let far = (now + SignedDuration::from_hours(366 * 24)).to_string();
    let too_far = notify(&app, &admin, json!({"email": "bob@example.com", "message": "m", "run_at": far})).await;
    assert_eq!(too_far.faults(), ["value_error body.run_at"]);
    let past = json!({"email": "bob@example.com", "message": "m", "run_at": "1999-01-01T00:00:00Z"});
    assert_eq!(notify(&app, &admin, past).await.text("/run_at"), app.now().to_string(), "the past is now");
}
