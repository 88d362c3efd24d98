//! `Type: Schedule` and `Type: ScheduleV2`: a function that is invoked at certain times.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::cron::Cron;
use super::{Event, Fault, Function, Scope, rate};
use crate::template::{ACCOUNT, REGION};

/// Properties of rules and schedules that have no effect on one machine.
const ACCOUNT_ONLY: &[&str] = &[
    "DeadLetterConfig",
    "Description",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "OmitName",
    "PermissionsBoundary",
    "RetryPolicy",
    "RoleArn",
];

/// When a function is invoked.
#[derive(Debug, Clone)]
pub struct Schedule {
    name: String,
    function: String,
    scheduler: Scheduler,
    expression: String,
    period: Period,
    input: Option<Value>,
    enabled: bool,
}

/// Which service runs the schedule: their events differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// A rule of `EventBridge`: `Type: Schedule`.
    Rule,
    /// `EventBridge` Scheduler: `Type: ScheduleV2`.
    Scheduler,
}

/// The times of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Period {
    /// Again and again after this time.
    Every(Duration),
    /// At the times of a calendar, in UTC.
    Calendar(Cron),
}

impl Schedule {
    /// The event's key in the template.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the function.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The expression in the template, such as `rate(1 minute)`.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// When it runs.
    pub fn period(&self) -> &Period {
        &self.period
    }

    /// Whether it runs by itself.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// The event that the function gets at `time`: the template's `Input`, or that of the service.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html>
    pub(crate) fn event(&self, id: &str, time: Timestamp) -> Value {
        if let Some(input) = &self.input {
            return input.clone();
        }
        let (source, resource, detail) = match self.scheduler {
            Scheduler::Rule => ("aws.events", format!("events:{REGION}:{ACCOUNT}:rule/"), serde_json::json!({})),
            // The scheduler's template of an event has the detail as text.
            Scheduler::Scheduler => {
                ("aws.scheduler", format!("scheduler:{REGION}:{ACCOUNT}:schedule/default/"), "{}".into())
            }
        };
        serde_json::json!({
            "version": "0",
            "id": id,
            "detail-type": "Scheduled Event",
            "source": source,
            "account": ACCOUNT,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": [format!("arn:aws:{resource}{}-{}", self.function, self.name)],
            "detail": detail,
        })
    }
}

pub(super) fn read(
    event: &Event<'_>,
    function: &Function,
    scheduler: Scheduler,
    scope: &Scope,
) -> Result<Schedule, Fault> {
    let (what, expression_key) = match scheduler {
        Scheduler::Rule => ("a Schedule event", "Schedule"),
        Scheduler::Scheduler => ("a ScheduleV2 event", "ScheduleExpression"),
    };
    let (mut expression, mut input, mut enabled) = (None, None, true);
    for (key, node) in event.properties {
        match key.text.as_str() {
            name if name == expression_key => {
                let text = scope.text(node)?;
                let period = period(&text).map_err(|message| Fault::at(node.line, message))?;
                expression = Some((text, period));
            }
            "Input" => {
                let parsed = serde_json::from_str(&scope.text(node)?);
                input = Some(parsed.map_err(|error| Fault::at(node.line, format!("`Input` must be JSON: {error}")))?);
            }
            "Enabled" if scheduler == Scheduler::Rule => enabled = scope.flag(node, "Enabled")?,
            "State" => {
                enabled = match scope.text(node)?.as_str() {
                    "ENABLED" => true,
                    "DISABLED" => false,
                    _ => return Err(Fault::at(node.line, "`State` must be ENABLED or DISABLED")),
                }
            }
            "ScheduleExpressionTimezone" if scope.text(node)? == "UTC" => {}
            "FlexibleTimeWindow" if node.get("Mode").and_then(|mode| mode.scalar()) == Some("OFF") => {}
            name if ACCOUNT_ONLY.contains(&name) => {}
            _ => return Err(Event::unsupported(key, what)),
        }
    }
    let Some((expression, period)) = expression else {
        return Err(event.fault(format!("the event `{}` needs a `{expression_key}`", event.name)));
    };
    Ok(Schedule {
        name: event.name.to_owned(),
        function: function.name().to_owned(),
        scheduler,
        expression,
        period,
        input,
        enabled,
    })
}

fn period(expression: &str) -> Result<Period, String> {
    let inner = |kind: &str| expression.trim().strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(text) = inner("rate") {
        return rate::parse(text).map(Period::Every);
    }
    if let Some(text) = inner("cron") {
        return Cron::parse(text).map(Period::Calendar);
    }
    Err(format!("the local cloud understands rate(…) and cron(…), not `{expression}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::with_event;
    use super::*;

    fn schedule(event: &str) -> Schedule {
        let template = with_event(event).unwrap();
        let [schedule] = template.schedules() else { panic!("there is one schedule") };
        schedule.clone()
    }

    #[test]
    fn events_are_those_of_their_service() {
        let time: Timestamp = "2026-11-20T17:00:01.5Z".parse().unwrap();
        let rule = schedule("{ Type: Schedule, Properties: { Schedule: rate(1 minute) } }");
        assert_eq!(rule.period(), &Period::Every(Duration::from_mins(1)));
        assert_eq!(
            rule.event("7", time),
            json!({
                "version": "0",
                "id": "7",
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": "000000000000",
                "time": "2026-11-20T17:00:01Z",
                "region": "us-east-1",
                "resources": ["arn:aws:events:us-east-1:000000000000:rule/fn-E"],
                "detail": {},
            })
        );
        let scheduled = schedule("{ Type: ScheduleV2, Properties: { ScheduleExpression: cron(0 3 * * ? *) } }");
        let event = scheduled.event("7", time);
        assert_eq!((&event["source"], &event["detail"]), (&json!("aws.scheduler"), &json!("{}")));
        assert_eq!(event["resources"][0], "arn:aws:scheduler:us-east-1:000000000000:schedule/default/fn-E");
    }

    #[test]
    fn the_templates_input_replaces_the_event() {
        let schedule = schedule(
            "{ Type: Schedule, Properties: { Schedule: rate(2 hours), Input: '{\"a\":1}', State: DISABLED } }",
        );
        assert_eq!(schedule.event("7", Timestamp::UNIX_EPOCH), json!({"a": 1}));
        assert!(!schedule.enabled());
    }

    #[test]
    fn faults_name_their_line() {
        let understood = "9: the local cloud understands rate(…) and cron(…), not";
        for (kind, properties, message) in [
            ("Schedule", "Schedule: at(2026-01-01T00:00:00)", format!("{understood} `at(2026-01-01T00:00:00)`")),
            (
                "Schedule",
                "Input: '{'",
                "9: `Input` must be JSON: EOF while parsing an object at line 1 column 1".into(),
            ),
            ("Schedule", "Enabled: true", "8: the event `E` needs a `Schedule`".into()),
            ("ScheduleV2", "State: OFF", "9: `State` must be ENABLED or DISABLED".into()),
            (
                "ScheduleV2",
                "ScheduleExpressionTimezone: Europe/Berlin",
                "9: the local cloud does not support `ScheduleExpressionTimezone` of a ScheduleV2 event".into(),
            ),
        ] {
            let error = with_event(&format!("{{ Type: {kind}, Properties: {{ {properties} }} }}")).unwrap_err();
            assert_eq!(error, format!("template.yaml:{message}"));
        }
    }
}
