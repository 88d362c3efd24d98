//! What a request costs: the calls that the functions make of AWS, as the SDK makes them.

mod cost;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use peregrine_core::aws::SdkConfig;
use serde_json::Value;

pub use cost::Cost;

/// Records the calls of the clients that it is an interceptor of. Cheap to clone; all clones record together.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Recording>>);

#[derive(Debug, Default)]
struct Recording {
    is_on: bool,
    calls: Vec<Call>,
    /// Counts the beginnings and ends of calls.
    moment: usize,
}

/// Which of the recorded calls it is.
#[derive(Debug, Clone, Copy)]
struct Index(usize);

impl Storable for Index {
    type Storer = StoreReplace<Self>;
}

#[derive(Debug)]
struct Call {
    operation: String,
    /// How often it names each table or queue.
    resources: BTreeMap<String, usize>,
    /// The table and key of each row that is read by its key.
    rows: Vec<String>,
    began: usize,
    ended: usize,
    units: f64,
}

impl Calls {
    /// Clients of DynamoDB and SQS whose calls are recorded.
    pub fn clients(&self, config: &SdkConfig) -> (aws_sdk_dynamodb::Client, aws_sdk_sqs::Client) {
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(config).interceptor(self.clone()).build();
        let sqs = aws_sdk_sqs::config::Builder::from(config).interceptor(self.clone()).build();
        (aws_sdk_dynamodb::Client::from_conf(dynamodb), aws_sdk_sqs::Client::from_conf(sqs))
    }

    /// Begins to record.
    pub fn record(&self) {
        *self.lock() = Recording { is_on: true, ..Recording::default() };
    }

    /// Stops recording. Returns what was recorded.
    pub fn stop(&self) -> Cost {
        let Recording { calls, .. } = std::mem::take(&mut *self.lock());
        assert!(calls.iter().all(|call| call.ended > 0), "a call is still under way: {calls:?}");
        Cost::of(&calls)
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    /// Asks DynamoDB what the call consumes.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let is_dynamodb = request.headers().get("x-amz-target").is_some_and(|target| target.starts_with("DynamoDB"));
        if !self.lock().is_on || !is_dynamodb {
            return Ok(());
        }
        let body = request.body().bytes().and_then(|body| str::from_utf8(body).ok()?.strip_prefix('{'));
        let asking = format!(r#"{{"ReturnConsumedCapacity":"TOTAL",{}"#, body.ok_or("not a call with parameters")?);
        request.headers_mut().insert("content-length", asking.len().to_string());
        *request.body_mut() = asking.into();
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut recording = self.lock();
        let request = context.request();
        let Some(target) = request.headers().get("x-amz-target").filter(|_| recording.is_on) else { return Ok(()) };
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
        recording.moment += 1;
        let began = recording.moment;
        let rows = rows(&body, &operation);
        let call = Call { operation, resources: resources(&body), rows, began, ended: 0, units: 0.0 };
        config.interceptor_state().store_put(Index(recording.calls.len()));
        recording.calls.push(call);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut recording = self.lock();
        let Some(Index(index)) = config.load::<Index>().copied() else { return Ok(()) };
        recording.moment += 1;
        let ended = recording.moment;
        let answer = context.response().and_then(|response| response.body().bytes()).unwrap_or_default();
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        if let Some(call) = recording.calls.get_mut(index) {
            call.ended = ended;
            call.units = call.consumed(&answer);
        }
        Ok(())
    }
}

/// The rows that are read by their keys, each as its table and key.
fn rows(body: &Value, operation: &str) -> Vec<String> {
    let alone = (operation == "GetItem").then(|| format!("{} {}", body["TableName"], body["Key"]));
    let batches = body["RequestItems"].as_object().into_iter().flatten().filter(|_| operation == "BatchGetItem");
    let keys =
        batches.flat_map(|(table, batch)| batch["Keys"].as_array().into_iter().flatten().map(move |key| (table, key)));
    alone.into_iter().chain(keys.map(|(table, key)| format!("{} {key}", Value::from(table.as_str())))).collect()
}

/// How often each table or queue is named.
fn resources(body: &Value) -> BTreeMap<String, usize> {
    let actions = body["TransactItems"].as_array().into_iter().flatten();
    let in_actions = actions.filter_map(|action| action.as_object()?.values().next()?["TableName"].as_str());
    let in_batches = body["RequestItems"].as_object().into_iter().flat_map(|tables| tables.keys().map(String::as_str));
    let alone = body["TableName"].as_str().into_iter();
    let queues = body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).into_iter();
    let mut counts = BTreeMap::new();
    for name in in_actions.chain(in_batches).chain(alone).chain(queues) {
        *counts.entry(name.trim_end_matches("Table").to_owned()).or_default() += 1;
    }
    counts
}

impl Call {
    fn is_read(&self) -> bool {
        matches!(self.operation.as_str(), "GetItem" | "BatchGetItem" | "Query")
    }

    /// The request units of the call. DynamoDB does not say them of writes that it refuses: these cost as much as if
    /// they had been made, of rows that are smaller than 1 KB.
    fn consumed(&self, answer: &Value) -> f64 {
        let units = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
        match (&answer["ConsumedCapacity"], self.operation.as_str()) {
            (Value::Array(tables), _) => tables.iter().map(units).sum(),
            (consumed @ Value::Object(_), _) => units(consumed),
            (_, "PutItem" | "UpdateItem" | "DeleteItem") => 1.0,
            (_, "TransactWriteItems") => {
                2.0 * f64::from(u32::try_from(self.resources.values().sum::<usize>()).unwrap_or(u32::MAX))
            }
            _ => 0.0,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources: Vec<_> = self
            .resources
            .iter()
            .map(|(name, times)| if *times > 1 { format!("{times} {name}") } else { name.clone() })
            .collect();
        write!(formatter, "{} {}", self.operation, resources.join(" + "))
    }
}
