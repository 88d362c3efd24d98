//! A cloud whose function gets the messages of a queue and runs on a schedule.

#![expect(clippy::unwrap_used, reason = "a test fails where it finds something else than it expects")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use local::{Cloud, CloudOptions};
use serde_json::Value;
use tempfile::TempDir;

/// A function without dependencies that answers with how many events it has had.
const COUNTING: &str = r#"
use std::io::{Read, Write};
use std::net::TcpStream;

fn exchange(method: &str, path: &str, body: &str) -> Option<String> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(&api).ok()?;
    let length = body.len();
    let head = format!("Host: {api}\r\nConnection: close\r\nContent-Length: {length}");
    write!(stream, "{method} /2018-06-01/runtime/invocation/{path} HTTP/1.1\r\n{head}\r\n\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn main() {
    let mut count = 0;
    while let Some(event) = exchange("GET", "next", "") {
        let id = event.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: ")).unwrap();
        count += 1;
        let answer = format!("{{\"count\": {count}, \"queue\": \"{}\"}}", std::env::var("QUEUE_URL").unwrap());
        exchange("POST", &format!("{id}/response"), &answer);
    }
}
"#;

const TEMPLATE: &str = "
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/counting/bootstrap.zip
      Environment: { Variables: { QUEUE_URL: !Ref Jobs } }
      Events:
        Jobs: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn } }
        Day: { Type: Schedule, Properties: { Schedule: rate(1 day) } }
  Jobs: { Type: 'AWS::SQS::Queue' }
";

fn workspace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("counting");
    fs::create_dir_all(package.join("src")).unwrap();
    fs::write(folder.path().join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"counting\"]\n").unwrap();
    let manifest = "[package]\nname = \"counting\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::write(package.join("src/main.rs"), COUNTING).unwrap();
    fs::write(folder.path().join("template.yaml"), TEMPLATE).unwrap();
    folder
}

fn client(cloud: &Cloud) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(cloud.aws_url());
    Client::from_conf(config.build())
}

/// The body of a page of `/_local`.
async fn page(cloud: &Cloud, method: &'static str, path: &str) -> Value {
    let (address, path) = (cloud.http_url().trim_start_matches("http://").to_owned(), path.to_owned());
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn a_function_runs_on_its_schedule_and_for_every_message() {
    let folder = workspace();
    let cloud = Cloud::start(CloudOptions::ephemeral(folder.path())).await.unwrap();
    let url = format!("{}/000000000000/Jobs", cloud.aws_url());
    let answer = cloud.run_schedule("counting").await.unwrap();
    assert_eq!((&answer["count"], &answer["queue"]), (&Value::from(1), &Value::from(url.as_str())));
    let answer = page(&cloud, "POST", "/_local/schedules/counting").await;
    assert_eq!(answer["count"], 2);

    client(&cloud).send_message().queue_url(&url).message_body("work").send().await.unwrap();
    let delivered = async {
        loop {
            let invocations = page(&cloud, "GET", "/_local/invocations").await;
            if invocations[0]["route"] == "SQS Jobs (1 message)" {
                break invocations;
            }
        }
    };
    let invocations = tokio::time::timeout(Duration::from_mins(1), delivered).await.unwrap();
    assert_eq!((&invocations[0]["status"], &invocations[0]["cold"]), (&200.into(), &false.into()));
    let queues = page(&cloud, "GET", "/_local/queues").await;
    assert_eq!(queues[0]["url"], url.as_str());
    assert_eq!(cloud.faults().calls("sqs", "SendMessage"), 1);
    cloud.stop().await;
}
