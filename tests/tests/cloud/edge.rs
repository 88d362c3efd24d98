//! What the gateway and the real binaries make of the layers.

use local::CloudOptions;
use serde_json::json;
use tests::app::workspace;

use crate::client::{Bundle, json_of};

#[tokio::test]
async fn a_compressed_answer_arrives_as_it_was() {
    let bundle = Bundle::start().await;
    let token = bundle.user("ann").await;
    let description = "äöü \"quoted\" ".repeat(300);
    let item = bundle.item(&token, &json!({"name": "widget", "price": 1, "description": description})).await;
    let path = format!("/api/v1/items/{}", item["id"].as_str().unwrap());
    let zipped = bundle.get(&path).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    let mut plain = String::new();
    let bytes = zipped.bytes().await.unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain).unwrap();
    assert_eq!(plain, bundle.get(&path).send().await.unwrap().text().await.unwrap());
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn pages_of_a_local_development_server_may_call_and_other_hosts_may_not() {
    let bundle = Bundle::start().await;
    let read = bundle.get("/health").header("origin", "http://localhost:3000").send().await.unwrap();
    assert_eq!(read.headers()["access-control-allow-origin"], "http://localhost:3000");
    let foreign = bundle.get("/health").header("host", "evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), 400);
    assert_eq!(json_of(foreign).await["detail"], "Invalid host header");
    bundle.cloud.stop().await;
}

#[tokio::test]
async fn limits_are_those_of_production_where_they_are_asked_for() {
    let relaxed = Bundle::start().await;
    let read = relaxed.get("/api/v1/items").send().await.unwrap();
    assert_eq!(read.headers()["ratelimit-policy"], "\"reads\";q=1200000;w=60");
    relaxed.cloud.stop().await;
    let strict = CloudOptions { strict_limits: true, ..CloudOptions::ephemeral(workspace()) };
    let strict = Bundle::start_with(strict).await;
    let read = strict.get("/api/v1/items").send().await.unwrap();
    assert_eq!(read.headers()["ratelimit-policy"], "\"reads\";q=1200;w=60");
    strict.cloud.stop().await;
}
