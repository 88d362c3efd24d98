//! Sources in front of real processes, and of a function that cannot start where only time matters.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{EventSources, Invoker, QueuePoller, ScheduleError, Schedules, deliver};
use crate::aws::sqs::{Draft, Queue, Queues, Received};
use crate::console::Console;
use crate::functions::tests::{Setting, gate};
use crate::functions::{FunctionConfig, Pool};
use crate::invocations::Invocations;
use crate::template::Template;
use crate::topics::Topics;

const TEMPLATE: &str = "
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/bootstrap.zip
      Timeout: 1
      DeadLetterQueue: { Type: SQS, TargetArn: !GetAtt Undelivered.Arn }
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            BatchSize: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: { MaximumConcurrency: 2 }
        Minute: { Type: Schedule, Properties: { Schedule: rate(1 minute) } }
        Night: { Type: ScheduleV2, Properties: { ScheduleExpression: cron(0 3 * * ? *), State: DISABLED } }
        Mail: { Type: SNS, Properties: { Topic: !Ref Mail } }
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 1
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1 }
  Dead: { Type: 'AWS::SQS::Queue' }
  Undelivered: { Type: 'AWS::SQS::Queue' }
  Mail: { Type: 'AWS::SNS::Topic' }
";

/// The sources of a template in front of `pool`.
struct World {
    template: Template,
    queues: Arc<Queues>,
    invocations: Arc<Invocations>,
    schedules: Schedules,
    topics: Topics,
    sources: EventSources,
}

impl World {
    fn new(template: &str, pool: &Arc<Pool>) -> Self {
        let template = Template::parse(template, "template.yaml").unwrap();
        let queues = Queues::new("http://127.0.0.1:4566", template.queues());
        let invocations = Arc::new(Invocations::default());
        let invoker = Invoker::new(Arc::clone(&invocations), Console::Quiet, template.functions(), &queues);
        let schedules = Schedules::new(template.schedules(), |_| Some(Arc::clone(pool)), &invoker);
        let (topics, publications) = Topics::new();
        let mut sources = EventSources::default();
        let queue = Arc::clone(queues.get("Jobs").unwrap());
        let source = template.queue_sources()[0].clone();
        let poller = QueuePoller { source, queue, pool: Arc::clone(pool), invoker: invoker.clone() };
        sources.run(|stop| poller.run(stop));
        for schedule in schedules.enabled() {
            sources.run(|stop| Arc::clone(schedule).run(stop));
        }
        let subscriptions = vec![(template.subscriptions()[0].clone(), Arc::clone(pool))];
        sources.run(|stop| deliver(publications, subscriptions, invoker, stop));
        Self { template, queues, invocations, schedules, topics, sources }
    }

    fn jobs(&self) -> &Queue {
        self.queues.get("Jobs").unwrap()
    }

    fn send(&self, body: &str) {
        self.jobs().send(Draft { body: body.to_owned(), ..Draft::default() }).unwrap();
    }

    /// Waits for a dead letter of the queue and returns its body.
    async fn dead_letter(&self) -> String {
        self.message_in("Dead").await.message.body.clone()
    }

    async fn message_in(&self, queue: &str) -> Received {
        let queue = self.queues.get(queue).unwrap();
        let patience = Some(Instant::now() + Duration::from_mins(1));
        queue.receive(1, Duration::from_mins(1), patience).await.unwrap().remove(0)
    }

    /// How the invocations for `source` ended, the first one first.
    fn outcomes(&self, source: &str) -> Vec<u64> {
        let view = self.invocations.view();
        let records = view.as_array().unwrap().iter().rev();
        let records = records.filter(|record| record["route"].as_str().unwrap().starts_with(source));
        records.map(|record| record["status"].as_u64().unwrap()).collect()
    }
}

/// A function that cannot start, which is known at once: no time passes but that of the clock.
fn broken() -> Arc<Pool> {
    let config = FunctionConfig {
        name: "fn".to_owned(),
        arn: String::new(),
        timeout: Duration::from_secs(1),
        environment: std::collections::BTreeMap::default(),
        max_sandboxes: 1,
    };
    Pool::new(config, PathBuf::from("/nowhere/fn"), Console::Quiet)
}

#[tokio::test]
async fn what_is_processed_is_deleted_and_what_is_not_comes_back() {
    let setting = Setting::new(8, &[]);
    let window = "BatchSize: 2\n            MaximumBatchingWindowInSeconds: 60";
    let batches = TEMPLATE.replace("BatchSize: 1", window).replace("VisibilityTimeout: 1", "VisibilityTimeout: 2");
    let world = World::new(&batches, &setting.pool);
    world.send("fine");
    // The window does not hold up a batch that is full.
    world.send("refuse");
    assert_eq!(world.dead_letter().await, "refuse");
    assert_eq!(world.outcomes("SQS Jobs (2 messages)"), [200]);
    assert!(world.jobs().contents().is_empty());
}

#[tokio::test]
async fn nothing_is_deleted_if_a_function_fails_or_its_answer_makes_no_sense() {
    let setting = Setting::new(8, &[]);
    let world = World::new(TEMPLATE, &setting.pool);
    for (instruction, status) in [("exit", 502), ("panic", 502), ("malformed", 200)] {
        world.send(instruction);
        assert_eq!(world.dead_letter().await, instruction);
        assert_eq!(world.outcomes("SQS Jobs (1 message)").pop(), Some(status), "{instruction}");
    }
}

#[tokio::test]
async fn no_more_invocations_run_at_once_than_the_template_allows() {
    let (gate, address) = gate();
    let setting = Setting::new(8, &[("GATE", &address)]);
    let world = World::new(&TEMPLATE.replace("VisibilityTimeout: 1", "VisibilityTimeout: 60"), &setting.pool);
    for _ in 0..3 {
        world.send("wait");
    }
    let opened = tokio::task::spawn_blocking(move || {
        let both = [gate.accept().unwrap(), gate.accept().unwrap()];
        (gate, both)
    });
    let (gate, both) = opened.await.unwrap();
    let counts = world.jobs().counts();
    assert_eq!((counts.in_flight, counts.visible), (2, 1));
    drop((gate, both));
}

#[tokio::test]
async fn what_is_under_way_is_finished_when_the_sources_stop() {
    let (gate, address) = gate();
    let setting = Setting::new(8, &[("GATE", &address)]);
    let world = World::new(&TEMPLATE.replace("VisibilityTimeout: 1", "VisibilityTimeout: 60"), &setting.pool);
    world.send("wait");
    let opened = tokio::task::spawn_blocking(move || {
        let connection = gate.accept().unwrap();
        (gate, connection)
    });
    let opened = opened.await.unwrap();
    let World { sources, queues, invocations, .. } = world;
    let ((), ()) = tokio::join!(sources.stop(), async { drop(opened) });
    assert_eq!(invocations.view()[0]["status"], 200);
    // "waited" is no batch response, so the message is still there, and nobody takes it any more.
    assert_eq!(queues.get("Jobs").unwrap().counts().in_flight, 1);
}

#[tokio::test]
async fn a_schedule_can_be_run_now_and_answers_with_its_result() {
    let setting = Setting::new(8, &[]);
    let text = TEMPLATE.replace("rate(1 minute)", "rate(1 minute), Input: '7'");
    let world = World::new(&text.replace("State: DISABLED", "State: DISABLED, Input: '8'"), &setting.pool);
    // The function answers with its event.
    let answer = async |name: &str| world.schedules.run(name).await.unwrap().as_str().unwrap().to_owned();
    assert!(answer("fn").await.ends_with(" 7"));
    assert!(answer("fn/Night").await.ends_with(" 8"));
    assert_eq!(world.outcomes("schedule rate(1 minute)"), [200]);

    assert!(matches!(world.schedules.run("nobody").await, Err(ScheduleError::Unknown(_))));
    assert!(matches!(world.schedules.run("fn/Other").await, Err(ScheduleError::Unknown(_))));
    let broken = World::new(TEMPLATE, &broken());
    let error = broken.schedules.run("fn").await.unwrap_err().to_string();
    assert!(error.starts_with("fn: the function did not start: /nowhere/fn"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_runs_first_after_its_period_and_tries_three_times() {
    let world = World::new(TEMPLATE, &broken());
    let outcomes = || world.outcomes("schedule rate(1 minute)").len();
    sleep(Duration::from_millis(59_900)).await;
    assert_eq!(outcomes(), 0);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(outcomes(), 1);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(outcomes(), 3);
    sleep(Duration::from_mins(2)).await;
    assert_eq!(outcomes(), 9);
    // The other one is disabled.
    assert!(world.outcomes("schedule cron").is_empty());
    let view = world.schedules.view();
    assert_eq!(
        view[1],
        json!({"function": "fn", "event": "Night", "expression": "cron(0 3 * * ? *)", "enabled": false})
    );
    assert_eq!(world.template.schedules().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_delivered_up_to_three_times() {
    let world = World::new(TEMPLATE, &broken());
    world.topics.publish("arn:aws:sns:us-east-1:000000000000:Mail", None, "hello".to_owned());
    world.topics.publish("arn:aws:sns:us-east-1:000000000000:Other", None, "unheard".to_owned());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(world.outcomes("SNS "), [502, 502, 502]);
}

#[tokio::test]
async fn an_event_that_fails_every_time_goes_to_the_functions_dead_letters() {
    let setting = Setting::new(8, &[]);
    let world = World::new(TEMPLATE, &setting.pool);
    world.topics.publish("arn:aws:sns:us-east-1:000000000000:Mail", None, "panic".to_owned());
    let Received { message, .. } = world.message_in("Undelivered").await;
    let event: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(event["Records"][0]["Sns"]["Message"], "panic");
    let attribute = |name: &str| {
        let value = &message.attributes[name];
        (value.data_type.as_str(), value.string_value.clone().unwrap())
    };
    assert_eq!(attribute("ErrorCode"), ("Number", "200".to_owned()));
    assert_eq!(attribute("ErrorMessage"), ("String", "no such thing".to_owned()));
    // Every attempt was of the same invocation.
    let (kind, id) = attribute("RequestID");
    let view = world.invocations.view();
    let attempts: Vec<&Value> = view.as_array().unwrap().iter().map(|record| &record["request_id"]).collect();
    assert_eq!((kind, attempts), ("String", vec![&Value::from(id); 3]));
}

#[tokio::test]
async fn a_subscriber_gets_what_is_published() {
    let (gate, address) = gate();
    let setting = Setting::new(8, &[("GATE", &address)]);
    let world = World::new(TEMPLATE, &setting.pool);
    world.topics.publish("arn:aws:sns:us-east-1:000000000000:Mail", Some("about"), "wait".to_owned());
    // The function does what the message says: it comes to the gate.
    let opened = tokio::task::spawn_blocking(move || gate.accept().unwrap()).await.unwrap();
    let World { sources, invocations, .. } = world;
    let ((), ()) = tokio::join!(sources.stop(), async { drop(opened) });
    let view = invocations.view();
    assert_eq!((&view[0]["route"], &view[0]["status"]), (&Value::from("SNS Mail"), &Value::from(200)));
}
