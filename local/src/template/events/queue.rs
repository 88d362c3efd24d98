//! `Type: SQS`: a function that is invoked with the messages of a queue.

use std::time::Duration;

use super::{Event, Fault, Function, Queue, Scope};
use crate::template::queues;
use crate::template::yaml::{Node, Value};

/// How many invocations run at once if the template does not say. Lambda would begin with five and add more each
/// minute.
const DEFAULT_CONCURRENCY: usize = 10;

/// What a batch of more messages than one call of SQS gives needs: time to collect them.
const BATCH_WITHOUT_WINDOW: usize = 10;

/// An event source mapping from a queue to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSource {
    queue: String,
    function: String,
    batch_size: usize,
    batching_window: Duration,
    reports_failures: bool,
    concurrency: usize,
    enabled: bool,
}

impl QueueSource {
    /// The name of the queue.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The name of the function.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// How many messages an invocation gets at most.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// How long messages are collected for one invocation.
    pub fn batching_window(&self) -> Duration {
        self.batching_window
    }

    /// Whether the function's answer says which messages failed (`ReportBatchItemFailures`).
    pub fn reports_failures(&self) -> bool {
        self.reports_failures
    }

    /// How many invocations run at once.
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Whether messages are delivered at all.
    pub fn enabled(&self) -> bool {
        self.enabled
    }
}

pub(super) fn read(
    event: &Event<'_>,
    function: &Function,
    scope: &Scope,
    queues: &[Queue],
) -> Result<QueueSource, Fault> {
    let mut source = QueueSource {
        queue: String::new(),
        function: function.name().to_owned(),
        batch_size: 10,
        batching_window: Duration::ZERO,
        reports_failures: false,
        concurrency: DEFAULT_CONCURRENCY,
        enabled: true,
    };
    for (key, node) in event.properties {
        let number = |range| scope.number(node, &key.text, range);
        match key.text.as_str() {
            "Queue" => {
                source.queue = queues::name_of(node, scope)?;
                check_visibility(&source.queue, node, function, queues)?;
            }
            "BatchSize" => source.batch_size = number(1..=10_000)? as usize,
            "MaximumBatchingWindowInSeconds" => {
                source.batching_window = Duration::from_secs(number(0..=300)?.into());
            }
            "FunctionResponseTypes" => source.reports_failures = reports_failures(node)?,
            "ScalingConfig" => source.concurrency = concurrency(node, scope)?,
            "Enabled" => source.enabled = scope.flag(node, "Enabled")?,
            _ => return Err(Event::unsupported(key, "an SQS event")),
        }
    }
    if source.queue.is_empty() {
        return Err(event.fault(format!("the SQS event `{}` needs a `Queue`", event.name)));
    }
    if source.batch_size > BATCH_WITHOUT_WINDOW && source.batching_window.is_zero() {
        let message = "a `BatchSize` above 10 needs a `MaximumBatchingWindowInSeconds` of at least 1";
        return Err(event.fault(message));
    }
    Ok(source)
}

/// Lambda refuses a queue whose messages would come back while the function may still be at them.
fn check_visibility(name: &str, node: &Node, function: &Function, queues: &[Queue]) -> Result<(), Fault> {
    let Some(queue) = queues.iter().find(|queue| queue.name() == name) else { return Ok(()) };
    if queue.visibility_timeout() >= function.timeout() {
        return Ok(());
    }
    let message = format!(
        "the `VisibilityTimeout` of `{name}` ({} s) must not be below the `Timeout` of `{}` ({} s)",
        queue.visibility_timeout().as_secs(),
        function.logical_id(),
        function.timeout().as_secs()
    );
    Err(Fault::at(node.line, message))
}

fn reports_failures(node: &Node) -> Result<bool, Fault> {
    let fault = || Fault::at(node.line, "`FunctionResponseTypes` must be a list with `ReportBatchItemFailures`");
    match &node.value {
        Value::Sequence(items) if items.iter().all(|item| item.scalar() == Some("ReportBatchItemFailures")) => {
            Ok(!items.is_empty())
        }
        _ => Err(fault()),
    }
}

fn concurrency(node: &Node, scope: &Scope) -> Result<usize, Fault> {
    let mut concurrency = DEFAULT_CONCURRENCY;
    for (key, node) in node.entries("ScalingConfig")? {
        match key.text.as_str() {
            "MaximumConcurrency" => concurrency = scope.number(node, &key.text, 2..=1000)? as usize,
            _ => return Err(Event::unsupported(key, "ScalingConfig")),
        }
    }
    Ok(concurrency)
}

#[cfg(test)]
mod tests {
    use super::super::with_event;

    #[test]
    fn a_source_has_the_templates_settings_or_those_of_lambda() {
        let template = with_event(
            "{ Type: SQS, Properties: { Queue: !GetAtt Q.Arn, BatchSize: 100, MaximumBatchingWindowInSeconds: 2, \
             FunctionResponseTypes: [ReportBatchItemFailures], ScalingConfig: { MaximumConcurrency: 2 }, Enabled: no } }",
        );
        assert_eq!(template.unwrap_err(), "template.yaml:9: `Enabled` must be true or false");
        let template = with_event(
            "{ Type: SQS, Properties: { Queue: !GetAtt Q.Arn, BatchSize: 100, MaximumBatchingWindowInSeconds: 2, \
             FunctionResponseTypes: [ReportBatchItemFailures], ScalingConfig: { MaximumConcurrency: 2 } } }",
        )
        .unwrap();
        let [source] = template.queue_sources() else { panic!("there is one source") };
        assert_eq!((source.queue(), source.function(), source.batch_size()), ("Q", "fn", 100));
        assert_eq!((source.batching_window().as_secs(), source.concurrency()), (2, 2));
        assert!(source.reports_failures() && source.enabled());

        let template = with_event("{ Type: SQS, Properties: { Queue: !GetAtt Q.Arn } }").unwrap();
        let [source] = template.queue_sources() else { panic!("there is one source") };
        assert_eq!((source.batch_size(), source.concurrency(), source.reports_failures()), (10, 10, false));
    }

    #[test]
    fn faults_name_their_line() {
        for (properties, message) in [
            ("Queue: !Ref Q", "9: this must be the ARN of a queue of this template: !GetAtt Queue.Arn"),
            ("BatchSize: 1", "8: the SQS event `E` needs a `Queue`"),
            (
                "Queue: !GetAtt Q.Arn, BatchSize: 11",
                "8: a `BatchSize` above 10 needs a `MaximumBatchingWindowInSeconds` of at least 1",
            ),
            (
                "FunctionResponseTypes: [Other]",
                "9: `FunctionResponseTypes` must be a list with `ReportBatchItemFailures`",
            ),
            ("ScalingConfig: { MaximumConcurrency: 1 }", "9: `MaximumConcurrency` must be a number from 2 to 1000"),
            ("FilterCriteria: {}", "9: the local cloud does not support `FilterCriteria` of an SQS event"),
        ] {
            let error = with_event(&format!("{{ Type: SQS, Properties: {{ {properties} }} }}")).unwrap_err();
            assert_eq!(error, format!("template.yaml:{message}"));
        }
    }

    #[test]
    fn messages_must_not_come_back_while_the_function_may_be_at_them() {
        let text = "
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/bootstrap.zip
      Timeout: 31
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Q.Arn
  Q: { Type: 'AWS::SQS::Queue' }
";
        let error = crate::template::Template::parse(text, "template.yaml").unwrap_err().to_string();
        assert_eq!(
            error,
            "template.yaml:12: the `VisibilityTimeout` of `Q` (30 s) must not be below the `Timeout` of `Fn` (31 s)"
        );
    }
}
