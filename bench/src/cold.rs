//! How soon a function answers after its process has started, and what an answer costs once it is warm.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use local::template::Function;
use local::{EmbeddedAws, Template};
use peregrine_core::aws::AwsSettings;
use peregrine_core::item::{Item, NewItem};
use peregrine_core::random::Random;
use peregrine_core::table::{Client, ItemTables, Items};
use peregrine_core::validation::{Input, Origin, Rules, validate};
use serde_json::json;
use uuid::Uuid;

use crate::runtime_api::run;
use crate::{Result, Row, milliseconds, quantile};

/// Cold starts per function.
const STARTS: usize = 40;
/// Invocations of a warm function.
const INVOCATIONS: usize = 4000;

pub(crate) async fn measure(root: &Path, binaries: &[(&str, PathBuf)]) -> Result<Vec<Row>> {
    let template = Template::load(root.join("template.yaml"))?;
    let aws = EmbeddedAws::start(&template)?;
    let item = store_item(&aws).await?;
    let mut rows = Vec::new();
    let read = |path: &str| event("GET", path, None);
    let faulty = json!({"email": "no email", "username": "x", "age": -1, "password": "short"}).to_string();
    let measured = [
        ("meta", "`GET /health`", read("/health"), 200),
        ("items", "`GET /api/v1/items/{item_id}`", read(&format!("/api/v1/items/{}", item.id)), 200),
        // What is not found is not validated: the difference to the next line is what validation takes.
        ("users", "404 of `users`", read("/api/v1/users/a/b"), 404),
        ("users", "422 with four faults of `POST /api/v1/users`", event("POST", "/api/v1/users", Some(&faulty)), 422),
    ];
    for (function, title, event, status) in measured {
        let binary =
            binaries.iter().find(|(name, _)| *name == function).map(|(_, path)| path).ok_or("no such binary")?;
        let environment = environment(&template, function, aws.url());
        let status = format!("\"statusCode\":{status}");
        let mut starts: Vec<Duration> = Vec::new();
        for _ in 0..STARTS {
            starts.push(run(binary, &environment, event.clone(), &status, 1).await?.first_answer);
        }
        starts.sort_unstable();
        let warm = run(binary, &environment, event, &status, INVOCATIONS).await?;
        let (median, worst) = (quantile(&starts, 0.5), quantile(&starts, 0.9));
        rows.push(Row::new(
            format!("{title}: process start to first answer, median (90 %)"),
            format!("{} ({})", milliseconds(median), milliseconds(worst)),
        ));
        rows.push(Row::new(format!("{title}: CPU per request, warm"), milliseconds(warm.cpu)));
    }
    for worker in ["email-worker", "webhook-worker"] {
        let binary = binaries.iter().find(|(name, _)| *name == worker).map(|(_, path)| path).ok_or("no such binary")?;
        let environment = environment(&template, worker, aws.url());
        let mut starts: Vec<Duration> = Vec::new();
        for _ in 0..STARTS {
            starts.push(run(binary, &environment, batch(), "batchItemFailures", 1).await?.ready);
        }
        starts.sort_unstable();
        let (median, worst) = (quantile(&starts, 0.5), quantile(&starts, 0.9));
        rows.push(Row::new(
            format!("`{worker}`: process start until it asks for work, median (90 %)"),
            format!("{} ({})", milliseconds(median), milliseconds(worst)),
        ));
    }
    Ok(rows)
}

async fn store_item(aws: &EmbeddedAws) -> Result<Item> {
    let body = Input::object([("name".to_owned(), Input::text("widget")), ("price".to_owned(), Input::text("9.5"))]);
    let new: NewItem =
        validate(&body, Origin::Json, "body", Rules::default()).map_err(|faults| format!("{faults:?}"))?;
    let item = Item::new(Uuid::nil(), new, Timestamp::UNIX_EPOCH, &Random::system());
    let tables = ItemTables { items: "ItemsTable".to_owned(), terms: "ItemTermsTable".to_owned() };
    Items::new(Client::new(&AwsSettings::at(aws.url()).sdk_config()), tables).insert(&item, None).await?;
    Ok(item)
}

/// The variables that the template gives a function, and Lambda's own.
pub(crate) fn environment(template: &Template, function: &str, aws: &str) -> Vec<(String, String)> {
    let secret = "a secret of more than thirty-two characters";
    let functions = template.functions().iter().filter(|candidate| candidate.name() == function);
    let variables = functions
        .flat_map(Function::environment)
        .map(|(name, value)| (name.clone(), value.resolve(aws, |_| Some(secret))));
    let lambda = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL", aws),
        // One client asks for more than one client may.
        ("STRICT_LIMITS", "false"),
    ];
    variables.chain(lambda.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

/// A message about a job that does not exist.
fn batch() -> Bytes {
    let message = json!({
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d", "receiptHandle": "handle",
        "body": json!({"job": Uuid::nil()}).to_string(), "attributes": {}, "messageAttributes": {},
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:EmailQueue", "awsRegion": "us-east-1"
    });
    Bytes::from(json!({ "Records": [message] }).to_string())
}

fn event(method: &str, path: &str, body: Option<&str>) -> Bytes {
    let host = "abc123.execute-api.us-east-1.amazonaws.com";
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {
            "accept": "*/*", "accept-encoding": "gzip, br", "content-type": "application/json", "host": host,
            "user-agent": "bench", "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"
        },
        "requestContext": {
            "accountId": "123456789012", "apiId": "abc123", "domainName": host, "domainPrefix": "abc123",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench"
            },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default",
            "time": "20/Nov/2026:12:00:00 +0000", "timeEpoch": 1_795_176_000_000_u64
        },
        "body": body,
        "isBase64Encoded": false
    });
    Bytes::from(event.to_string())
}
