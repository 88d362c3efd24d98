//! Guessing: how many failures are free, and what happens after more.

use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::json;
use tests::app::{App, PASSWORD};
use tests::client::Answer;

/// Limits as deployed, but for the rate limit of sign-in, which would be met first.
pub(crate) const STRICT: [(&str, &str); 2] =
    [("STRICT_LIMITS", "true"), ("RATE_LIMITS", "sign-in=10000/60 sign-up=1000/60 writes=100000/60")];

async fn attempt(app: &App, name: &str, password: &str) -> Answer {
    app.post("/token").form(&[("username", name), ("password", password)]).send().await
}

/// The statuses of so many wrong attempts.
async fn fail(app: &App, name: &str, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(attempt(app, name, "Wrong0000").await.status);
    }
    statuses
}

fn wait(answer: &Answer) -> u32 {
    assert_eq!(answer.status, 429, "{answer:?}");
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[tokio::test]
async fn after_ten_failures_an_account_waits_longer_each_time() {
    let app = App::start_with(&STRICT).await;
    app.user("ann").await;
    assert_eq!(fail(&app, "ann", 10).await, [401; 10]);
    for expected in [30, 60, 120, 240, 480, 900, 900] {
        let locked = attempt(&app, "ann", PASSWORD).await;
        assert_eq!(wait(&locked), expected, "the right password tells nothing while the account waits");
        app.pass(SignedDuration::from_secs(i64::from(expected) - 1));
        assert_eq!(attempt(&app, "ann", "Wrong0000").await.status, 429);
        app.pass(SignedDuration::from_secs(1));
        assert_eq!(attempt(&app, "ann", "Wrong0000").await.status, 401);
    }
    app.pass(SignedDuration::from_secs(900));
    assert_eq!(attempt(&app, "ann", PASSWORD).await.status, 200);
    assert_eq!(fail(&app, "ann", 10).await, [401; 10], "who has signed in begins anew");
}

#[tokio::test]
async fn a_wait_does_not_tell_that_two_names_belong_to_one_account() {
    let app = App::start_with(&STRICT).await;
    let ann = app.user("ann").await;
    fail(&app, "ANN", 10).await;
    assert_eq!(attempt(&app, "ann", PASSWORD).await.status, 429);
    assert_eq!(attempt(&app, &ann.email, PASSWORD).await.status, 200);
    assert_eq!(attempt(&app, "ann", PASSWORD).await.status, 429, "nor does a sign-in by the other name");
}

#[tokio::test]
async fn failures_are_forgotten_after_a_day_and_those_of_an_address_after_an_hour() {
    let app = App::start_with(&STRICT).await;
    app.user("ann").await;
    fail(&app, "ann", 10).await;
    app.pass(SignedDuration::from_hours(24));
    assert_eq!(fail(&app, "ann", 10).await, [401; 10], "though the row has not been swept");
    for number in 0..40 {
        attempt(&app, &format!("somebody{number}"), "Wrong0000").await;
    }
    assert_eq!(attempt(&app, "somebody else", "Wrong0000").await.status, 429);
    app.pass(SignedDuration::from_hours(1));
    for number in 0..50 {
        assert_eq!(attempt(&app, &format!("nobody{number}"), "Wrong0000").await.status, 401);
    }
}

#[tokio::test]
async fn whoever_is_signed_in_is_not_kept_from_anything_by_those_who_guess() {
    let app = App::start_with(&STRICT).await;
    let ann = app.user("ann").await;
    fail(&app, "ann", 11).await;
    let change = json!({"current_password": PASSWORD, "new_password": "An0therPassword"});
    assert_eq!(app.put("/users/me/password").by(&ann).json(&change).send().await.status, 204);
}

#[tokio::test]
async fn a_right_password_is_no_guess_though_the_change_is_refused() {
    let app = App::start_with(&STRICT).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let taken = json!({"username": bob.username, "password": "An0therPassword", "current_password": PASSWORD});
    for _ in 0..12 {
        assert_eq!(app.patch("/users/me").by(&ann).json(&taken).send().await.status, 409);
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_is_locked_like_any_other() {
    let app = App::start_with(&STRICT).await;
    app.user("ann").await;
    let known = [fail(&app, "ann", 10).await, vec![attempt(&app, "ann", "Wrong0000").await.status]];
    let unknown = [fail(&app, "nobody", 10).await, vec![attempt(&app, "nobody", "Wrong0000").await.status]];
    assert_eq!(known, unknown);
    let (known, unknown) = (attempt(&app, "ann", "x").await, attempt(&app, "nobody", "x").await);
    assert_eq!((known.body, wait(&unknown)), (unknown.body, 30));
}

#[tokio::test]
async fn of_guesses_that_race_each_other_no_more_pass_than_one_after_the_other() {
    let app = App::start_with(&STRICT).await;
    app.user("ann").await;
    let answers = join_all((0..20).map(|_| attempt(&app, "ann", "Wrong0000"))).await;
    let judged = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(judged, 10, "each was counted before it was judged");
}

#[tokio::test]
async fn an_address_that_guesses_at_many_accounts_waits_too() {
    let app = App::start_with(&STRICT).await;
    let ann = app.user("ann").await;
    for number in 0..50 {
        assert_eq!(attempt(&app, &format!("somebody{number}"), "Wrong0000").await.status, 401);
    }
    assert_eq!(wait(&attempt(&app, "ann", PASSWORD).await), 30);
    assert_eq!(app.get("/users/me").by(&ann).send().await.status, 200, "who is signed in stays so");
}

#[tokio::test]
async fn an_address_that_has_to_wait_keeps_nobody_elses_name_from_them() {
    let by_header = ("CLIENT_ADDRESS_HEADER", "x-forwarded-for");
    let app = App::start_with(&[STRICT[0], STRICT[1], by_header]).await;
    app.user("ann").await;
    let attempt = async |name: &str, password: &str, from: &str| {
        let call = app.post("/token").form(&[("username", name), ("password", password)]);
        call.header("x-forwarded-for", from).send().await.status
    };
    for number in 0..50 {
        assert_eq!(attempt(&format!("somebody{number}"), "Wrong0000", "192.0.2.1").await, 401);
    }
    for _ in 0..11 {
        assert_eq!(attempt("ann", "Wrong0000", "192.0.2.1").await, 429, "it is not even judged");
    }
    assert_eq!(attempt("ann", PASSWORD, "192.0.2.2").await, 200);
}

#[tokio::test]
async fn a_success_takes_nothing_off_an_address() {
    let app = App::start_with(&STRICT).await;
    app.user("mallory").await;
    for number in 0..50 {
        assert_eq!(attempt(&app, &format!("somebody{number}"), "Wrong0000").await.status, 401);
        if number % 10 == 0 {
            assert_eq!(attempt(&app, "mallory", PASSWORD).await.status, 200);
        }
    }
    assert_eq!(attempt(&app, "mallory", PASSWORD).await.status, 429, "an account of one's own is no way to guess on");
}

#[tokio::test]
async fn signing_in_often_locks_nobody() {
    let app = App::start_with(&STRICT).await;
    app.user("ann").await;
    for _ in 0..12 {
        assert_eq!(attempt(&app, "ann", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn refused_and_successful_sign_ins_are_on_record_without_the_name_that_was_typed() {
    let app = App::start_with(&STRICT).await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    attempt(&app, "ann", "Wrong0000").await;
    attempt(&app, "my-secret-password", "Wrong0000").await;
    let events = app.get("/audit-events?limit=100").by(&admin).send().await;
    assert_eq!(events.status, 200);
    let all = events.body.as_array().unwrap();
    let refused: Vec<_> = all.iter().filter(|event| event["action"] == "sign_in_refused").collect();
    let whose: Vec<_> = refused.iter().map(|event| &event["user_id"]).collect();
    assert!(whose.contains(&&json!(ann.id)) && whose.contains(&&json!(uuid::Uuid::nil())), "{refused:?}");
    assert!(refused.iter().all(|event| event["actor_id"].is_null()));
    assert!(all.iter().any(|event| event["action"] == "signed_in" && event["user_id"] == json!(ann.id)));
    assert!(!events.raw.contains("my-secret-password"));
}

#[tokio::test]
async fn a_sign_in_that_a_fault_ends_is_no_guess_and_not_on_record_as_refused() {
    let app = App::start_with(&STRICT).await;
    let ann = app.user("ann").await;
    for _ in 0..11 {
        app.faults().fail("dynamodb", "TransactWriteItems", "AccessDeniedException", 400, 1);
        assert_eq!(attempt(&app, "ann", PASSWORD).await.status, 500);
    }
    assert_eq!(attempt(&app, "ann", PASSWORD).await.status, 200);
    let happened = app.events_of(&ann.id).await;
    assert!(happened.iter().all(|(action, ..)| action != "sign_in_refused"), "{happened:?}");
}
