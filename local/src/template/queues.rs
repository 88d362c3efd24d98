//! `AWS::SQS::Queue`: standard queues, and where their poison goes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::functions::{AWS_URL, Function};
use super::resolve::Scope;
use super::yaml::Node;
use super::{ACCOUNT, Fault, REGION, Resource};

/// Properties that have no effect on one machine.
const ACCOUNT_ONLY: &[&str] =
    &["KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "RedriveAllowPolicy", "SqsManagedSseEnabled", "Tags"];

/// Properties of FIFO queues, which the local cloud does not have.
const OF_FIFO_QUEUES: &[&str] =
    &["ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit"];

/// SQS's limit of a message with its attributes, which is also the default.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub(crate) const MESSAGE_LIMIT: u32 = 1_048_576;

/// A queue of the template. Its name is its logical id.
#[derive(Debug, Clone)]
pub struct Queue {
    name: String,
    visibility_timeout: Duration,
    retention: Duration,
    delay: Duration,
    wait: Duration,
    message_limit: u32,
    redrive: Option<Redrive>,
    holds_dead_letters: bool,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    pub(crate) dead_letter_queue: String,
    pub(crate) max_receive_count: u32,
}

impl Queue {
    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The queue's ARN.
    pub fn arn(&self) -> String {
        arn(&self.name)
    }

    /// How long a received message stays hidden, unless the receiver says otherwise.
    pub fn visibility_timeout(&self) -> Duration {
        self.visibility_timeout
    }

    /// How long a message is kept.
    pub fn retention(&self) -> Duration {
        self.retention
    }

    /// How long a message that was sent stays hidden, unless the sender says otherwise.
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// How long receiving waits for a message, unless the receiver says otherwise.
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// How many bytes a message may have, its attributes included.
    pub fn message_limit(&self) -> u32 {
        self.message_limit
    }

    /// Where messages go that were received too often, if anywhere.
    pub fn redrive(&self) -> Option<&Redrive> {
        self.redrive.as_ref()
    }

    /// Whether what another queue or a function could not process goes here.
    pub fn holds_dead_letters(&self) -> bool {
        self.holds_dead_letters
    }
}

impl Redrive {
    /// The name of the queue for what could not be processed.
    pub fn dead_letter_queue(&self) -> &str {
        &self.dead_letter_queue
    }

    /// How often a message is received before it goes there.
    pub fn max_receive_count(&self) -> u32 {
        self.max_receive_count
    }
}

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// What `!Ref` of a queue gives: its URL. At which port the services answer is known only when they do.
pub(super) fn reference(name: &str) -> String {
    format!("{AWS_URL}/{ACCOUNT}/{name}")
}

pub(super) fn read(resource: &Resource<'_>, scope: &Scope) -> Result<Queue, Fault> {
    let mut queue = Queue {
        name: resource.id.to_owned(),
        visibility_timeout: Duration::from_secs(30),
        retention: Duration::from_hours(4 * 24),
        delay: Duration::ZERO,
        wait: Duration::ZERO,
        message_limit: MESSAGE_LIMIT,
        redrive: None,
        holds_dead_letters: false,
    };
    for (key, node) in resource.properties.map_or(Ok(&[][..]), |properties| properties.entries("Properties"))? {
        let seconds = |range| Ok(Duration::from_secs(scope.number(node, &key.text, range)?.into()));
        match key.text.as_str() {
            "VisibilityTimeout" => queue.visibility_timeout = seconds(0..=43_200)?,
            "MessageRetentionPeriod" => queue.retention = seconds(60..=1_209_600)?,
            "DelaySeconds" => queue.delay = seconds(0..=900)?,
            "ReceiveMessageWaitTimeSeconds" => queue.wait = seconds(0..=20)?,
            "MaximumMessageSize" => {
                queue.message_limit = scope.number(node, &key.text, 1024..=MESSAGE_LIMIT)?;
            }
            "RedrivePolicy" => queue.redrive = Some(redrive(node, scope)?),
            name if ACCOUNT_ONLY.contains(&name) => {}
            name if OF_FIFO_QUEUES.contains(&name) => {
                let message = format!("`{}`: the local cloud has standard queues only, no FIFO queues", resource.id);
                return Err(Fault::at(key.line, message));
            }
            other => {
                let message = format!("the local cloud does not support `{other}` of a queue");
                return Err(Fault::at(key.line, message));
            }
        }
    }
    Ok(queue)
}

fn redrive(node: &Node, scope: &Scope) -> Result<Redrive, Fault> {
    let (mut target, mut count) = (None, None);
    for (key, node) in node.entries("RedrivePolicy")? {
        match key.text.as_str() {
            "deadLetterTargetArn" => target = Some(name_of(node, scope)?),
            "maxReceiveCount" => count = Some(scope.number(node, "maxReceiveCount", 1..=1000)?),
            other => return Err(Fault::at(key.line, format!("`RedrivePolicy` has no `{other}`"))),
        }
    }
    match (target, count) {
        (Some(dead_letter_queue), Some(max_receive_count)) => Ok(Redrive { dead_letter_queue, max_receive_count }),
        _ => Err(Fault::at(node.line, "`RedrivePolicy` needs `deadLetterTargetArn` and `maxReceiveCount`")),
    }
}

/// Notes which queues hold dead letters: of one another, and of `functions`.
pub(super) fn note_dead_letters(queues: &mut [Queue], functions: &[Function]) {
    let of_queues = queues.iter().filter_map(Queue::redrive).map(Redrive::dead_letter_queue);
    let holders = of_queues.chain(functions.iter().filter_map(Function::dead_letter_queue));
    let holders: BTreeSet<String> = holders.map(str::to_owned).collect();
    for queue in queues {
        queue.holds_dead_letters = holders.contains(&queue.name);
    }
}

/// The name of the queue whose ARN `node` gives.
pub(super) fn name_of(node: &Node, scope: &Scope) -> Result<String, Fault> {
    let arn_given = scope.text(node)?;
    arn_given
        .strip_prefix(&arn(""))
        .filter(|name| scope.is_queue(name))
        .map(str::to_owned)
        .ok_or_else(|| Fault::at(node.line, "this must be the ARN of a queue of this template: !GetAtt Queue.Arn"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    const TEMPLATE: &str = "
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      MessageRetentionPeriod: 345600
      DelaySeconds: 5
      ReceiveMessageWaitTimeSeconds: 20
      SqsManagedSseEnabled: true
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }
  Dead:
    Type: AWS::SQS::Queue
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties: { Queues: [!Ref Jobs] }
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/bootstrap.zip
      Environment: { Variables: { QUEUE: !Ref Jobs, BOTH: !Sub '<${Jobs}|${Jobs.Arn}>' } }
";

    fn error(from: &str, to: &str) -> String {
        assert!(TEMPLATE.contains(from));
        Template::parse(&TEMPLATE.replacen(from, to, 1), "template.yaml").unwrap_err().to_string()
    }

    #[test]
    fn a_queue_has_the_templates_settings_or_those_of_sqs() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [jobs, dead] = template.queues() else { panic!("there are two queues") };
        assert_eq!((jobs.name(), jobs.arn().as_str()), ("Jobs", "arn:aws:sqs:us-east-1:000000000000:Jobs"));
        assert_eq!((jobs.visibility_timeout().as_secs(), jobs.delay().as_secs(), jobs.wait().as_secs()), (60, 5, 20));
        assert_eq!(jobs.redrive(), Some(&Redrive { dead_letter_queue: "Dead".to_owned(), max_receive_count: 3 }));
        assert_eq!((dead.visibility_timeout().as_secs(), dead.retention().as_secs()), (30, 345_600));
        assert_eq!((dead.redrive(), dead.message_limit()), (None, 1_048_576));
    }

    #[test]
    fn a_queue_is_referred_to_by_its_url_at_the_port_of_the_services() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [function] = template.functions() else { panic!("there is one function") };
        let value = |name: &str| function.environment()[name].resolve("http://127.0.0.1:4566", |_| None);
        assert_eq!(value("QUEUE"), "http://127.0.0.1:4566/000000000000/Jobs");
        assert_eq!(value("BOTH"), "<http://127.0.0.1:4566/000000000000/Jobs|arn:aws:sqs:us-east-1:000000000000:Jobs>");
    }

    #[test]
    fn faults_name_their_line() {
        assert_eq!(
            error("DelaySeconds: 5", "FifoQueue: true"),
            "template.yaml:8: `Jobs`: the local cloud has standard queues only, no FIFO queues"
        );
        assert_eq!(
            error("DelaySeconds: 5", "QueueName: jobs"),
            "template.yaml:8: the local cloud does not support `QueueName` of a queue"
        );
        assert_eq!(
            error("DelaySeconds: 5", "DelaySeconds: 901"),
            "template.yaml:8: `DelaySeconds` must be a number from 0 to 900"
        );
        assert_eq!(
            error("!GetAtt Dead.Arn", "!GetAtt Fn.Arn"),
            "template.yaml:11: this must be the ARN of a queue of this template: !GetAtt Queue.Arn"
        );
        assert_eq!(
            error(", maxReceiveCount: 3", ""),
            "template.yaml:11: `RedrivePolicy` needs `deadLetterTargetArn` and `maxReceiveCount`"
        );
    }
}
