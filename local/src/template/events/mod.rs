//! `Events` of a function: what invokes it.

mod cron;
mod queue;
mod rate;
mod schedule;
mod topic;

use super::functions::Function;
use super::queues::Queue;
use super::resolve::Scope;
use super::routes::{self, HttpApi, Routes};
use super::yaml::{Entry, Node};
use super::{Fault, Resource};

pub use queue::QueueSource;
pub use schedule::{Period, Schedule, Scheduler};
pub use topic::Subscription;

/// What invokes the template's functions.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) routes: Routes,
    pub(super) queues: Vec<QueueSource>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) subscriptions: Vec<Subscription>,
}

/// What events refer to.
pub(super) struct Surroundings<'a> {
    pub(super) api: Option<HttpApi<'a>>,
    pub(super) scope: &'a Scope,
    pub(super) queues: &'a [Queue],
}

/// One entry of `Events`.
struct Event<'a> {
    name: &'a str,
    line: usize,
    properties: &'a [Entry],
}

impl Event<'_> {
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::at(self.line, message)
    }

    /// The fault of a property that would be lost.
    fn unsupported(key: &super::yaml::Key, what: &str) -> Fault {
        Fault::at(key.line, format!("the local cloud does not support `{}` of {what}", key.text))
    }
}

/// Adds the events of one function.
pub(super) fn read(
    resource: &Resource<'_>,
    function: &Function,
    surroundings: &Surroundings<'_>,
    events: &mut Events,
) -> Result<(), Fault> {
    let Some(node) = resource.property("Events") else { return Ok(()) };
    for (key, node) in node.entries("Events")? {
        let properties = node.get("Properties").map_or(Ok(&[][..]), |node| node.entries("Properties"))?;
        let event = Event { name: &key.text, line: key.line, properties };
        let scope = surroundings.scope;
        match node.get("Type").and_then(Node::scalar) {
            Some("HttpApi") => {
                let api = surroundings.api.as_ref();
                routes::read(event.name, event.line, properties, function.name(), api, &mut events.routes)?;
            }
            Some("SQS") => events.queues.push(queue::read(&event, function, scope, surroundings.queues)?),
            Some("Schedule") => events.schedules.push(schedule::read(&event, function, Scheduler::Rule, scope)?),
            Some("ScheduleV2") => events.schedules.push(schedule::read(&event, function, Scheduler::Scheduler, scope)?),
            Some("SNS") => events.subscriptions.push(topic::read(&event, function, scope)?),
            Some(other) => {
                return Err(Fault::at(node.line, format!("the local cloud does not provide {other} events")));
            }
            None => return Err(event.fault(format!("the event `{}` has no `Type`", event.name))),
        }
    }
    Ok(())
}

/// A function with the event `event`, for tests: the template, whose line 9 is the event's first, or its fault.
#[cfg(test)]
fn with_event(event: &str) -> Result<super::Template, String> {
    let text = format!(
        "Resources:\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      Timeout: 10\n      \
         CodeUri: target/lambda/fn/bootstrap.zip\n      Events:\n        E:\n          {event}\n  \
         Q: {{ Type: 'AWS::SQS::Queue' }}\n  T: {{ Type: 'AWS::SNS::Topic' }}\n"
    );
    super::Template::parse(&text, "template.yaml").map_err(|error| error.to_string())
}
