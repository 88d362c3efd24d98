//! Faults and races that real processes meet: what was promised holds, and nothing is done twice.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::client::{Bundle, json_of};

/// Sends a request until it is answered: one that meets a dead function gets a 5xx. Also says how often that happened.
async fn answered(call: impl Fn() -> RequestBuilder) -> (Response, usize) {
    let mut deaths = 0;
    loop {
        let answer = call().send().await.unwrap();
        if !answer.status().is_server_error() {
            return (answer, deaths);
        }
        deaths += 1;
        assert!(deaths < 20, "{answer:?}");
    }
}

async fn items_named(bundle: &Bundle, name: &str) -> Vec<Value> {
    let (found, _) = answered(|| bundle.get(&format!("/api/v1/items?q={name}"))).await;
    json_of(found).await.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_request_that_is_sent_until_it_is_answered_is_done_once_wherever_its_function_dies() {
    let bundle = Bundle::start().await;
    let token = bundle.user("ann").await;
    let mut deaths = 0;
    // A dozen rounds, and more where the machine is so slow, or so fast, that nobody has died at work yet.
    for round in 0..100 {
        if round >= 12 && deaths > 0 {
            break;
        }
        let name = format!("widget{round}");
        let post = || {
            let call = bundle.post("/api/v1/items").bearer_auth(&token).header("idempotency-key", &name);
            call.json(&json!({"name": name, "price": 1}))
        };
        // A sandbox that waits for work, so that what is killed is one that works.
        items_named(&bundle, &name).await;
        let victims = bundle.processes("items").await;
        let kill = async {
            // Each round a little later: before, during and after the transaction.
            tokio::time::sleep(Duration::from_micros(round % 20 * 700)).await;
            for pid in &victims {
                // One that has died meanwhile is dead.
                let _ = kill_process(*pid, Signal::KILL);
            }
        };
        let ((answer, met), ()) = tokio::join!(answered(post), kill);
        deaths += met;
        assert_eq!(answer.status(), 201);
        let created = json_of(answer).await;
        assert_eq!(items_named(&bundle, &name).await, [created], "round {round}");
    }
    assert!(deaths > 0, "no request met a death");
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn of_two_clients_with_one_key_or_one_tag_one_wins() {
    let bundle = Bundle::start().await;
    let token = bundle.user("ann").await;
    for round in 0..5 {
        let name = format!("gadget{round}");
        let post = || {
            let call = bundle.post("/api/v1/items").bearer_auth(&token).header("idempotency-key", &name);
            call.json(&json!({"name": name, "price": 1})).send()
        };
        let (left, right) = tokio::join!(post(), post());
        for answer in [left.unwrap(), right.unwrap()] {
            assert!([201, 409].contains(&answer.status().as_u16()), "{answer:?}");
        }
        let items = items_named(&bundle, &name).await;
        assert_eq!(items.len(), 1, "{items:?}");

        let path = format!("/api/v1/items/{}", items[0]["id"].as_str().unwrap());
        let tag = bundle.get(&path).send().await.unwrap().headers()["etag"].to_str().unwrap().to_owned();
        let patch = |price: u32| {
            let call = bundle.call(Method::PATCH, &path).bearer_auth(&token).header("if-match", &tag);
            call.json(&json!({"price": price})).send()
        };
        let (left, right) = tokio::join!(patch(2), patch(3));
        let mut statuses = [left.unwrap().status().as_u16(), right.unwrap().status().as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    }
    bundle.cloud.stop().await;
}
