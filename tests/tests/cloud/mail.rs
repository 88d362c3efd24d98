//! Mail from the promise to the mailbox and back: links that are followed, mails that bounce, webhooks that tell of it.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::post;
use http_body_util::BodyExt as _;
use local::CloudOptions;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::app::workspace;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::client::{Bundle, PATIENCE, json_of, until};

/// The link of a mail's text that leads to this path.
fn link(text: &str, path: &str) -> String {
    let link = text.split_whitespace().find(|word| word.contains(path)).unwrap();
    link.trim_matches(['<', '>']).to_owned()
}

/// Asks until the answer is as it should be.
async fn answer(bundle: &Bundle, token: &str, path: &str, wanted: impl Fn(u16, &Value) -> bool) -> Value {
    until(path, async || {
        let answer = bundle.get(path).bearer_auth(token).send().await.unwrap();
        let status = answer.status().as_u16();
        let body = json_of(answer).await;
        wanted(status, &body).then_some(body)
    })
    .await
}

#[tokio::test]
async fn a_sign_up_brings_a_welcome_whose_link_confirms_the_address() {
    let bundle = Bundle::start().await;
    let token = bundle.user("ann").await;
    let mails = bundle.cloud.mailbox().wait_for(1, PATIENCE).await.unwrap();
    let [mail] = mails.as_slice() else { panic!("one mail, not {mails:?}") };
    assert_eq!(
        (mail.to.as_slice(), mail.from.as_str()),
        (&["ann@example.com".to_owned()][..], "\"Peregrine\" <peregrine@example.com>")
    );
    assert_eq!(mail.header("auto-submitted"), Some("auto-generated"));
    let me = || async { json_of(bundle.get("/api/v1/users/me").bearer_auth(&token).send().await.unwrap()).await };
    assert_eq!(me().await["is_verified"], false);
    let link = link(mail.text.as_deref().unwrap(), "/api/v1/verify-email");
    assert!(link.starts_with(bundle.cloud.http_url()), "{link}");
    assert!(mail.html.as_deref().unwrap().contains("/api/v1/verify-email?token="));
    let client = reqwest::Client::new();
    assert_eq!(client.get(&link).send().await.unwrap().status(), 200);
    assert_eq!(me().await["is_verified"], false, "programs follow links, so that changes nothing");
    assert_eq!(client.post(&link).send().await.unwrap().status(), 200);
    assert_eq!(me().await["is_verified"], true);
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_link_that_nothing_but_the_mail_holds() {
    let bundle = Bundle::start().await;
    let (token, admin) = (bundle.user("ann").await, bundle.admin().await);
    bundle.cloud.mailbox().wait_for(1, PATIENCE).await.unwrap();
    let forgot = |email: &'static str| bundle.post("/api/v1/forgot-password").form(&[("email", email)]).send();
    let mut answers = Vec::new();
    for email in ["nobody@example.com", "ann@example.com"] {
        let answer = forgot(email).await.unwrap();
        answers.push((answer.status().as_u16(), json_of(answer).await));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 202);
    let mails = bundle.cloud.mailbox().wait_for(2, PATIENCE).await.unwrap();
    assert_eq!(mails[1].to, ["ann@example.com"]);
    let link = link(mails[1].text.as_deref().unwrap(), "/api/v1/reset-password");
    assert!(link.starts_with(bundle.cloud.http_url()), "{link}");
    let client = reqwest::Client::new();
    assert_eq!(client.get(&link).send().await.unwrap().status(), 200);
    let set = || client.post(&link).form(&[("password", "N3w-password")]).send();
    assert_eq!(set().await.unwrap().status(), 200);
    assert_eq!(set().await.unwrap().status(), 400, "it is good once");
    let me = bundle.get("/api/v1/users/me").bearer_auth(&token).send().await.unwrap();
    assert_eq!(me.status(), 401, "sessions have ended");
    bundle.sign_in("ann", "N3w-password").await;
    let mails = bundle.cloud.mailbox().wait_for(3, PATIENCE).await.unwrap();
    assert_eq!(mails[2].subject, "Your password was reset");

    let secret = link.split_once("?token=").unwrap().1;
    let jobs = answer(&bundle, &admin, "/api/v1/jobs?state=succeeded&limit=100", |_, jobs| {
        jobs.as_array().is_some_and(|jobs| jobs.len() == 4)
    })
    .await;
    assert!(!jobs.to_string().contains(secret), "{jobs}");
    for path in ["/_local/functions", "/_local/queues", "/_local/invocations"] {
        let shown = bundle.get(path).send().await.unwrap().text().await.unwrap();
        assert!(!shown.contains(secret), "{path}: {shown}");
    }
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn an_address_that_bounces_gets_no_more_mail_until_an_admin_lifts_it() {
    let bundle = Bundle::start().await;
    let token = bundle.admin().await;
    let address = "bounce@simulator.amazonses.com";
    let suppression = format!("/api/v1/suppressions/{address}");
    let notify = || async {
        let mail = json!({"email": address, "message": "Hello"});
        let accepted = bundle.post("/api/v1/notifications").bearer_auth(&token).json(&mail).send().await.unwrap();
        format!("/api/v1/jobs/{}", json_of(accepted).await["id"].as_str().unwrap())
    };
    let finished = |_, job: &Value| !job["finished_at"].is_null();
    assert_eq!(answer(&bundle, &token, &notify().await, finished).await["state"], "succeeded");
    let found = answer(&bundle, &token, &suppression, |status, _| status == 200).await;
    assert_eq!(found["reason"], "bounce");
    let refused = answer(&bundle, &token, &notify().await, finished).await;
    assert_eq!((&refused["state"], &refused["attempts"]), (&json!("failed"), &json!(1)));
    assert!(!refused.to_string().contains("simulator"), "no address is told: {refused}");
    assert_eq!(bundle.cloud.mail().len(), 1);

    let lifted = bundle.call(reqwest::Method::DELETE, &suppression).bearer_auth(&token).send().await.unwrap();
    assert_eq!(lifted.status(), 204);
    assert_eq!(answer(&bundle, &token, &notify().await, finished).await["state"], "succeeded");
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn a_notification_can_be_unsubscribed_from_with_one_click() {
    let bundle = Bundle::start().await;
    let token = bundle.admin().await;
    let mail = json!({"email": "Bob@bücher.example", "subject": "Grüße", "message": "Hello\n<b>you</b>"});
    let notify = || bundle.post("/api/v1/notifications").bearer_auth(&token).json(&mail).send();
    assert_eq!(notify().await.unwrap().status(), 202);
    let mails = bundle.cloud.mailbox().wait_for(1, PATIENCE).await.unwrap();
    assert_eq!((mails[0].to[0].as_str(), mails[0].subject.as_str()), ("Bob@xn--bcher-kva.example", "Grüße"));
    assert!(mails[0].html.as_deref().unwrap().contains("&#60;b&#62;you"), "{:?}", mails[0].html);
    assert_eq!(mails[0].header("list-unsubscribe-post"), Some("List-Unsubscribe=One-Click"));
    let link = link(mails[0].header("list-unsubscribe").unwrap(), "/api/v1/unsubscribe");
    let click = reqwest::Client::new().post(&link).form(&[("List-Unsubscribe", "One-Click")]);
    assert_eq!(click.send().await.unwrap().status(), 200);
    let id = json_of(notify().await.unwrap()).await["id"].as_str().unwrap().to_owned();
    let job = answer(&bundle, &token, &format!("/api/v1/jobs/{id}"), |_, job| !job["finished_at"].is_null()).await;
    assert_eq!(job["state"], "failed");
    assert_eq!(bundle.cloud.mail().len(), 1);
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn whoever_wants_to_know_is_told_by_a_signed_webhook_how_a_job_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, mut heard) = mpsc::unbounded_channel();
    let hook = move |request: Request<Body>| async move {
        let (parts, body) = request.into_parts();
        told.send((parts.headers, body.collect().await.unwrap().to_bytes())).unwrap();
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(hook))).await.unwrap() });

    let mut options = CloudOptions::ephemeral(workspace());
    options.overrides.insert("OUTBOUND_ALLOW".to_owned(), address.to_string());
    let bundle = Bundle::start_with(options).await;
    let token = bundle.admin().await;
    let secret = json_of(bundle.get("/api/v1/webhooks/secret").bearer_auth(&token).send().await.unwrap()).await;
    let mail = |webhook: &str| json!({"email": "bob@example.com", "message": "Hello", "webhook": webhook});
    let notify = |webhook: &str| bundle.post("/api/v1/notifications").bearer_auth(&token).json(&mail(webhook)).send();
    for refused in ["http://169.254.169.254/latest", "https://localhost/", "http://example.com/", "https://[::1]:1/"] {
        assert_eq!(notify(refused).await.unwrap().status(), 422, "{refused}");
    }
    let job = json_of(notify(&format!("http://{address}/hook")).await.unwrap()).await;

    let (headers, body) = tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
    Webhook::new(secret["secret"].as_str().unwrap()).unwrap().verify(&body, &headers).unwrap();
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&event["type"], &event["data"]["id"]), (&json!("job.succeeded"), &job["id"]));
    assert!(!event.to_string().contains("bob"), "{event}");
    // The delivery is a job too, which its owner sees.
    let delivered = answer(&bundle, &token, "/api/v1/jobs", |_, jobs| jobs[1]["state"] == "succeeded").await;
    assert_eq!(
        (&delivered[1]["kind"], &delivered[1]["id"]),
        (&json!("webhook"), &json!(headers["webhook-id"].to_str().unwrap()))
    );
    bundle.cloud.stop().await;
}
