//! What a request costs: the calls that the functions make of AWS, as the SDK sends them.

mod cost;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use peregrine_core::aws::SdkConfig;
use serde_json::Value;

pub use cost::Cost;

/// Records the calls of clients. Cheap to clone; all clones record together.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Recording>>);

#[derive(Debug, Default)]
struct Recording {
    is_on: bool,
    calls: Vec<Call>,
    /// Counts the beginnings and ends of calls.
    moment: usize,
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
    /// The same settings, with clients whose calls of DynamoDB and SQS are recorded.
    pub fn recorded(&self, config: &SdkConfig) -> SdkConfig {
        let inner = config.http_client().expect("the settings say how to send");
        config.to_builder().http_client(Recorder { inner, calls: self.clone() }).build()
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

    /// Notes that a call is sent, if it is one of DynamoDB or SQS, and asks DynamoDB what it consumes. Says which of
    /// the recorded calls it is.
    fn begin(&self, request: &mut HttpRequest) -> Option<usize> {
        let mut recording = self.lock();
        let target = request.headers().get("x-amz-target").filter(|_| recording.is_on)?.to_owned();
        let body = str::from_utf8(request.body().bytes()?).expect("JSON is text").to_owned();
        if let Some(parameters) = body.strip_prefix('{').filter(|_| target.starts_with("DynamoDB")) {
            let asking = format!(r#"{{"ReturnConsumedCapacity":"TOTAL",{parameters}"#);
            request.headers_mut().insert("content-length", asking.len().to_string());
            *request.body_mut() = asking.into();
        }
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let operation = target.rsplit('.').next().unwrap_or(&target).to_owned();
        let (rows, resources) = (rows(&body, &operation), resources(&body));
        let began = recording.moment();
        recording.calls.push(Call { operation, resources, rows, began, ended: 0, units: 0.0 });
        Some(recording.calls.len() - 1)
    }

    /// Notes that a call has been answered.
    fn end(&self, index: usize, answer: &[u8]) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let mut recording = self.lock();
        let ended = recording.moment();
        if let Some(call) = recording.calls.get_mut(index) {
            call.ended = ended;
            call.units = call.consumed(&answer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    fn moment(&mut self) -> usize {
        self.moment += 1;
        self.moment
    }
}

/// What sends calls, and has them recorded.
#[derive(Debug)]
struct Recorder<T> {
    inner: T,
    calls: Calls,
}

impl HttpClient for Recorder<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Recorder { inner, calls: self.calls.clone() })
    }
}

impl HttpConnector for Recorder<SharedHttpConnector> {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        // Signatures are not checked by the embedded services, so what has been signed may be changed.
        let index = self.calls.begin(&mut request);
        let sent = self.inner.call(request);
        let Some(index) = index else { return sent };
        let calls = self.calls.clone();
        HttpConnectorFuture::new(async move {
            let mut response = sent.await?;
            let body = std::mem::replace(response.body_mut(), SdkBody::taken());
            let body = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::io(error.into()))?;
            let body = body.into_bytes();
            calls.end(index, &body);
            *response.body_mut() = body.into();
            Ok(response)
        })
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
