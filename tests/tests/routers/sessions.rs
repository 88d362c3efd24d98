//! Sessions: refreshing, signing out, and ending them.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::{join, join_all};
use jiff::SignedDuration;
use serde_json::json;
use tests::app::{App, PASSWORD};
use tests::client::{Account, Answer};
use tests::log;

/// The answer to a sign-in.
async fn sign_in(app: &App, name: &str) -> Answer {
    let answer = app.post("/token").form(&[("username", name), ("password", PASSWORD)]).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn refresh(app: &App, token: &str) -> Answer {
    app.post("/token/refresh").form(&[("refresh_token", token)]).send().await
}

fn refresh_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("/refresh_token")
}

fn access_token(answer: &Answer) -> String {
    answer.text("/access_token")
}

/// Whether an access token is accepted.
async fn is_accepted(app: &App, token: &str) -> bool {
    let status = app.get("/users/me").bearer(token).send().await.status;
    assert!(matches!(status, 200 | 401), "{status}");
    status == 200
}

async fn sessions(app: &App, account: &Account) -> Vec<serde_json::Value> {
    let answer = app.get("/users/me/sessions").by(account).send().await;
    assert_eq!(answer.status, 200);
    answer.body.as_array().unwrap().clone()
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn a_refresh_gives_new_tokens_and_uses_the_old_one_up() {
    let app = App::start().await;
    app.user("ann").await;
    let first = sign_in(&app, "ann").await;
    app.pass(minutes(40));
    assert!(!is_accepted(&app, &access_token(&first)).await);
    let second = refresh(&app, &refresh_token(&first)).await;
    assert!(is_accepted(&app, &access_token(&second)).await);
    assert_ne!(refresh_token(&first), refresh_token(&second));
    assert_eq!(second.header("cache-control"), Some("no-store"));
    assert_eq!(second.body["scope"], first.body["scope"]);
    app.pass(minutes(40));
    assert_eq!(refresh(&app, &refresh_token(&second)).await.status, 200);
}

#[tokio::test]
async fn the_grant_type_refresh_token_is_the_same() {
    let app = App::start().await;
    app.user("ann").await;
    let first = sign_in(&app, "ann").await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh_token(&first))];
    let second = app.post("/token").form(&form).send().await;
    assert!(is_accepted(&app, &access_token(&second)).await);
    let nothing = app.post("/token").form(&[("grant_type", "refresh_token")]).send().await;
    assert_eq!((nothing.status, nothing.faults()), (422, vec!["missing body.refresh_token".to_owned()]));
}

#[tokio::test]
async fn fifty_racing_refreshes_get_the_same_successor() {
    let app = App::start().await;
    app.user("ann").await;
    let first = refresh_token(&sign_in(&app, "ann").await);
    let answers = join_all((0..50).map(|_| refresh(&app, &first))).await;
    let successors: HashSet<_> = answers.iter().map(refresh_token).collect();
    assert_eq!(successors.len(), 1, "one successor for all");
    for answer in &answers {
        assert!(is_accepted(&app, &access_token(answer)).await);
    }
    let next = successors.into_iter().next().unwrap();
    assert_eq!(refresh(&app, &next).await.status, 200, "and the session goes on");
}

#[tokio::test]
async fn a_lost_answer_costs_nothing_within_the_grace_window() {
    let app = App::start().await;
    app.user("ann").await;
    let first = refresh_token(&sign_in(&app, "ann").await);
    let second = refresh_token(&refresh(&app, &first).await);
    app.pass(SignedDuration::from_secs(10));
    assert_eq!(refresh_token(&refresh(&app, &first).await), second);
}

#[tokio::test]
async fn who_repeats_a_refresh_in_time_is_no_thief_however_long_the_tables_take() {
    let app = App::start().await;
    app.user("ann").await;
    let first = refresh_token(&sign_in(&app, "ann").await);
    let second = refresh_token(&refresh(&app, &first).await);
    app.pass(SignedDuration::from_secs(9));
    let read = app.faults().hold_answer("dynamodb", "GetItem");
    let (repeated, ()) = join(refresh(&app, &first), async {
        read.reached_by(2).await;
        app.pass(SignedDuration::from_secs(2));
        read.release();
    })
    .await;
    assert_eq!(refresh_token(&repeated), second);
}

#[tokio::test]
async fn a_session_that_goes_while_it_is_refreshed_is_over() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let token = refresh_token(&sign_in(&app, "ann").await);
    let read = app.faults().hold_answer("dynamodb", "GetItem");
    let (refreshed, ()) = join(refresh(&app, &token), async {
        read.reached_by(2).await;
        let sessions = app.client.query().table_name("CredentialsTable").key_condition_expression("user_id = :user");
        let sessions = sessions.expression_attribute_values(":user", AttributeValue::S(ann.id.clone()));
        for mut row in sessions.send().await.unwrap().items.unwrap() {
            row.retain(|name, _| name == "user_id" || name == "entry");
            app.client.delete_item().table_name("CredentialsTable").set_key(Some(row)).send().await.unwrap();
        }
        read.release();
    })
    .await;
    assert_eq!(refreshed.status, 400, "{refreshed:?}");
}

#[tokio::test]
async fn a_stolen_refresh_token_used_after_its_rotation_ends_the_session_for_both() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let (stolen, other) = (sign_in(&app, "ann").await, sign_in(&app, "ann").await);
    let owners = refresh(&app, &refresh_token(&stolen)).await;
    assert!(is_accepted(&app, &access_token(&owners)).await);
    app.pass(SignedDuration::from_secs(11));
    let thief = refresh(&app, &refresh_token(&stolen)).await;
    assert_eq!((thief.status, thief.text("/detail")), (400, "The refresh token is not valid".to_owned()));
    assert_eq!(refresh(&app, &refresh_token(&owners)).await.status, 400, "nobody knows who is the thief");
    for token in [access_token(&stolen), access_token(&owners)] {
        assert!(!is_accepted(&app, &token).await, "its access tokens end at once");
    }
    assert!(is_accepted(&app, &access_token(&other)).await, "other sessions go on");
    assert!(is_accepted(&app, &ann.token).await);
}

#[tokio::test]
async fn a_refresh_token_two_generations_old_ends_the_session_at_once() {
    let app = App::start().await;
    app.user("ann").await;
    let first = refresh_token(&sign_in(&app, "ann").await);
    let second = refresh_token(&refresh(&app, &first).await);
    let third = refresh_token(&refresh(&app, &second).await);
    assert_eq!(
        refresh(&app, &first).await.status,
        400,
        "no client has reason to send it, however little time has passed"
    );
    assert_eq!(refresh(&app, &third).await.status, 400);
}

#[tokio::test]
async fn a_refresh_token_that_is_forged_or_changed_is_refused_without_any_look_up() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    let real = refresh_token(&sign_in(&app, "ann").await);
    let mut forged: Vec<String> = (0..real.len())
        .map(|at| {
            let mut changed = real.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(changed).unwrap()
        })
        .collect();
    forged.extend([format!("{real}="), format!("{real} "), format!("{real}A"), "x".repeat(5000), ann.token.clone()]);
    forged.push(real[..real.len() - 1].to_owned());
    let before = app.calls("dynamodb", "GetItem");
    for token in &forged {
        assert_eq!(refresh(&app, token).await.status, 400, "{token}");
    }
    assert_eq!(app.calls("dynamodb", "GetItem"), before, "its MAC says so");
    assert_eq!(refresh(&app, &real).await.status, 200, "and nothing has happened to the session");
}

#[tokio::test]
async fn a_session_that_is_not_used_for_two_weeks_is_over_and_any_after_ninety_days() {
    let app = App::start().await;
    app.user("ann").await;
    let idle = sign_in(&app, "ann").await;
    app.pass(SignedDuration::from_hours(14 * 24));
    assert_eq!(refresh(&app, &refresh_token(&idle)).await.status, 400);

    let mut used = sign_in(&app, "ann").await;
    for _ in 0..6 {
        app.pass(SignedDuration::from_hours(13 * 24));
        used = refresh(&app, &refresh_token(&used)).await;
        assert_eq!(used.status, 200);
    }
    app.pass(SignedDuration::from_hours(11 * 24));
    used = refresh(&app, &refresh_token(&used)).await;
    assert_eq!(used.status, 200, "the 89th day");
    app.pass(SignedDuration::from_hours(24));
    assert_eq!(refresh(&app, &refresh_token(&used)).await.status, 400, "90 days are over, however often it was used");
}

#[tokio::test]
async fn a_refresh_can_narrow_the_scopes_and_never_widen_them() {
    let app = App::start().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let form = [("username", "ann"), ("password", PASSWORD), ("scope", "items:read items:write")];
    let first = app.post("/token").form(&form).send().await;
    let narrowed = [("refresh_token", refresh_token(&first)), ("scope", "items:read users:write admin".to_owned())];
    let narrowed: Vec<_> = narrowed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let second = app.post("/token/refresh").form(&narrowed).send().await;
    assert_eq!(second.body["scope"], "items:read");
    let third = refresh(&app, &refresh_token(&second)).await;
    assert_eq!(third.body["scope"], "items:read items:write", "what the sign-in was granted stays");
    let lost = json!({"scopes": ["items:read"]});
    assert_eq!(app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&lost).send().await.status, 200);
    let fourth = refresh(&app, &refresh_token(&third)).await;
    assert_eq!(fourth.body["scope"], "items:read", "what the user has lost is lost");
    let nothing = [("refresh_token", refresh_token(&fourth)), ("scope", "admin".to_owned())];
    let nothing: Vec<_> = nothing.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(app.post("/token/refresh").form(&nothing).send().await.status, 400);
    assert_eq!(refresh(&app, &refresh_token(&fourth)).await.status, 200, "a refused wish uses nothing up");
}

#[tokio::test]
async fn signing_out_by_either_token_ends_the_session_at_once() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for by in ["/refresh_token", "/access_token"] {
        let (ended, other) = (sign_in(&app, "ann").await, sign_in(&app, "ann").await);
        let form = [("token", ended.text(by)), ("token_type_hint", "whatever".to_owned())];
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for _ in 0..2 {
            assert_eq!(app.post("/token/revoke").form(&form).send().await.status, 200);
        }
        assert!(!is_accepted(&app, &access_token(&ended)).await, "{by}");
        assert_eq!(refresh(&app, &refresh_token(&ended)).await.status, 400, "{by}");
        assert!(is_accepted(&app, &access_token(&other)).await, "{by}");
    }
    for token in ["nonsense", "a.b.c", "AQ"] {
        let answer = app.post("/token/revoke").form(&[("token", token)]).send().await;
        assert_eq!(answer.status, 200, "RFC 7009: to revoke what is no token is no error");
    }
    assert!(is_accepted(&app, &ann.token).await);
}

#[tokio::test]
async fn a_user_sees_their_sessions_and_ends_one_of_them() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    app.pass(minutes(1));
    let phone = app
        .post("/token")
        .form(&[("username", "ann"), ("password", PASSWORD)])
        .header("user-agent", "Phone/1.0")
        .send()
        .await;
    let seen = sessions(&app, &ann).await;
    assert_eq!(seen.len(), 2);
    assert_eq!((&seen[0]["user_agent"], &seen[0]["is_current"]), (&json!("Phone/1.0"), &json!(false)));
    assert_eq!(seen[1]["is_current"], true);
    let path = format!("/users/me/sessions/{}", seen[0]["id"].as_str().unwrap());
    assert_eq!(app.delete(&path).by(&ann).send().await.status, 204);
    assert!(!is_accepted(&app, &access_token(&phone)).await);
    assert_eq!(refresh(&app, &refresh_token(&phone)).await.status, 400);
    assert_eq!(app.delete(&path).by(&ann).send().await.status, 404, "it is gone");
    assert_eq!(sessions(&app, &ann).await.len(), 1);
}

#[tokio::test]
async fn nobody_ends_or_sees_another_users_session() {
    let app = App::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let anns = sessions(&app, &ann).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(app.delete(&format!("/users/me/sessions/{anns}")).by(&bob).send().await.status, 404);
    assert_eq!(app.delete(&format!("/users/{}/sessions", ann.id)).by(&bob).send().await.status, 403);
    assert!(is_accepted(&app, &ann.token).await);
    assert!(sessions(&app, &bob).await.iter().all(|session| session["id"] != anns.as_str()));
}

#[tokio::test]
async fn all_sessions_end_at_once() {
    let app = App::start().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let first = sign_in(&app, "ann").await;
    assert_eq!(app.delete("/users/me/sessions").by(&ann).send().await.status, 204);
    for token in [&ann.token, &access_token(&first)] {
        assert!(!is_accepted(&app, token).await);
    }
    assert_eq!(refresh(&app, &refresh_token(&first)).await.status, 400);
    let again = app.sign_in("ann", PASSWORD).await;
    assert_eq!(sessions(&app, &again).await.len(), 1, "and the next sign-in begins anew, in the same second");
    assert_eq!(app.delete(&format!("/users/{}/sessions", ann.id)).by(&admin).send().await.status, 204);
    assert!(!is_accepted(&app, &again.token).await, "an admin can do so too");
    assert!(is_accepted(&app, &admin.token).await);
}

#[tokio::test]
async fn a_password_change_and_a_deactivation_end_every_session_and_nothing_revives_them() {
    let app = App::start().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let first = sign_in(&app, "ann").await;
    let changed = app.patch("/users/me").by(&ann).json(&json!({"password": "Another1"})).send().await;
    assert_eq!(changed.status, 200);
    assert!(!is_accepted(&app, &access_token(&first)).await);
    assert_eq!(refresh(&app, &refresh_token(&first)).await.status, 400);

    let second = app.post("/token").form(&[("username", "ann"), ("password", "Another1")]).send().await;
    let set = async |is_active: bool| {
        let body = json!({ "is_active": is_active });
        assert_eq!(app.patch(&format!("/users/{}", ann.id)).by(&admin).json(&body).send().await.status, 200);
    };
    set(false).await;
    assert!(!is_accepted(&app, &access_token(&second)).await);
    assert_eq!(refresh(&app, &refresh_token(&second)).await.status, 400);
    set(true).await;
    assert!(!is_accepted(&app, &access_token(&second)).await, "an activation revives no session");
    assert_eq!(refresh(&app, &refresh_token(&second)).await.status, 400);
}

#[tokio::test]
async fn ended_sessions_are_forgotten_once_their_tokens_have_expired() {
    let app = App::start().await;
    let ann = app.user("ann").await;
    for _ in 0..3 {
        let session = sign_in(&app, "ann").await;
        app.post("/token/revoke").form(&[("token", &session.text("/refresh_token"))]).send().await;
    }
    assert_eq!(app.ended_sessions(&ann.id).await, 3);
    app.pass(minutes(32));
    let session = sign_in(&app, "ann").await;
    app.post("/token/revoke").form(&[("token", &session.text("/refresh_token"))]).send().await;
    assert_eq!(app.ended_sessions(&ann.id).await, 1);
}

#[tokio::test]
async fn sign_in_and_refresh_write_no_token_into_the_log() {
    let app = App::start().await;
    app.user("ann").await;
    log::start();
    let first = sign_in(&app, "ann").await;
    let second = refresh(&app, &first.text("/refresh_token")).await;
    app.pass(SignedDuration::from_secs(11));
    assert_eq!(refresh(&app, &first.text("/refresh_token")).await.status, 400);
    let lines = serde_json::to_string(&log::lines()).unwrap();
    assert!(lines.contains("a refresh token was used twice"), "{lines}");
    for answer in [first, second] {
        for token in ["/access_token", "/refresh_token"] {
            assert!(!lines.contains(&answer.text(token)), "{token}");
        }
    }
}
