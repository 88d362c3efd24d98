//! DynamoDB: `dynoxide`, with the template's tables.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http_body_util::{BodyExt, Full};
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Storage;
use super::front::{Answer, AwsService, WholeRequest, error};
use crate::error::StartError;
use crate::template::Table;

/// How often expired items are removed. DynamoDB promises a few days; readers must check the time themselves.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

const DATABASE_FILE: &str = "dynamodb.sqlite";

/// The service, as the front sees it.
pub(crate) struct DynamoDb {
    authority: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl DynamoDb {
    /// The service that listens on `listener`.
    pub(crate) fn at(listener: &TcpListener) -> io::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { authority: listener.local_addr()?.to_string(), client })
    }

    fn forwarded(&self, mut request: WholeRequest) -> Option<WholeRequest> {
        let path = request.uri().path_and_query()?.clone();
        let uri = Uri::builder().scheme("http").authority(self.authority.as_str()).path_and_query(path);
        *request.uri_mut() = uri.build().ok()?;
        Some(request)
    }
}

impl AwsService for DynamoDb {
    fn name(&self) -> &'static str {
        "dynamodb"
    }

    fn call(&self, request: WholeRequest) -> Answer {
        let answer = self.forwarded(request).map(|request| self.client.request(request));
        Box::pin(async move {
            match answer {
                None => error(StatusCode::BAD_REQUEST, "InvalidAction", "the request has no path"),
                Some(answer) => match answer.await {
                    Ok(response) => response.map(|body| body.map_err(Into::into).boxed_unsync()),
                    Err(failure) => {
                        let message = format!("the embedded DynamoDB did not answer: {failure}");
                        error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", &message)
                    }
                },
            }
        })
    }
}

/// Serves the database until the future is dropped.
pub(crate) async fn serve(listener: TcpListener, database: Database) {
    let sweeper = database.clone();
    let sweep = async move {
        let mut interval = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            interval.tick().await;
            let database = sweeper.clone();
            // A sweep that fails is made up for by the next one; DynamoDB itself promises no more than days.
            let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        }
    };
    tokio::select! {
        _ = dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()) => {}
        () = sweep => {}
    }
}

/// Opens the database and creates the tables that it does not have.
pub(crate) fn open(storage: &Storage, tables: &[Table]) -> Result<Database, StartError> {
    let (database, path) = match storage {
        Storage::Memory => (Database::memory(), PathBuf::new()),
        Storage::Folder(folder) => {
            std::fs::create_dir_all(folder).map_err(StartError::file(folder))?;
            let path = folder.join(DATABASE_FILE);
            let name = path.to_string_lossy().into_owned();
            (Database::new(&name), folder.clone())
        }
    };
    let database = database.map_err(|error| StartError::Database(message(&error)))?;
    for table in tables {
        ensure(&database, table, &path)?;
    }
    Ok(database)
}

fn ensure(database: &Database, table: &Table, path: &Path) -> Result<(), StartError> {
    let failed = |error: &DynoxideError| StartError::Table { table: table.name().to_owned(), message: message(error) };
    let name = json!({"TableName": table.name()});
    match database.describe_table(request(name.clone(), table)?) {
        Ok(described) => {
            let existing = serde_json::to_value(described.table).unwrap_or_default();
            if let Some(what) = difference(table.create_request(), &existing) {
                return Err(StartError::TableChanged { table: table.name().to_owned(), path: path.to_owned(), what });
            }
        }
        Err(DynoxideError::ResourceNotFoundException(_)) => {
            let create = request(table.create_request().clone(), table)?;
            database.create_table(create).map_err(|error| failed(&error))?;
        }
        Err(error) => return Err(failed(&error)),
    }

    let wanted: TimeToLive =
        table.time_to_live().map(|wanted| request(wanted.clone(), table)).transpose()?.unwrap_or_default();
    let wanted = wanted.enabled.then_some(wanted.attribute_name);
    let current = database.describe_time_to_live(request(name, table)?).map_err(|error| failed(&error))?;
    let current = current.time_to_live_description;
    let current = current.attribute_name.filter(|_| current.time_to_live_status == "ENABLED");
    if current == wanted {
        return Ok(());
    }
    // DynamoDB does not replace one attribute by another: the first has to be given up before.
    for (attribute, enabled) in [(current, false), (wanted, true)] {
        let Some(attribute) = attribute else { continue };
        let update = json!({
            "TableName": table.name(),
            "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled},
        });
        database.update_time_to_live(request(update, table)?).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// A `TimeToLiveSpecification`. Without one, nothing expires.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    enabled: bool,
    #[serde(default)]
    attribute_name: String,
}

/// Reads a request of DynamoDB's API; the engine checks it while reading.
fn request<T: DeserializeOwned>(value: Value, table: &Table) -> Result<T, StartError> {
    serde_json::from_value(value).map_err(|error| {
        let message = error.to_string();
        let message = message.strip_prefix("VALIDATION:").unwrap_or(&message).to_owned();
        StartError::Table { table: table.name().to_owned(), message }
    })
}

fn message(error: &DynoxideError) -> String {
    error.to_string()
}

/// The first property of a table's shape in which the template and the data differ.
fn difference(wanted: &Value, existing: &Value) -> Option<&'static str> {
    ["KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
        .into_iter()
        .find(|property| shape(wanted.get(*property)) != shape(existing.get(*property)))
        .or_else(|| (stream(wanted) != stream(existing)).then_some("StreamSpecification"))
}

/// What a table's stream carries, if it has one.
fn stream(table: &Value) -> Option<&Value> {
    table.get("StreamSpecification")?.get("StreamViewType")
}

/// A property without what does not matter: the order of lists, and what descriptions add.
fn shape(property: Option<&Value>) -> Vec<String> {
    let mut entries: Vec<String> = property
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|entry| {
            let Some(index) = entry.get("IndexName") else { return entry.to_string() };
            let projection = entry.get("Projection");
            let kind = projection.and_then(|projection| projection.get("ProjectionType"));
            let attributes = shape(projection.and_then(|projection| projection.get("NonKeyAttributes")));
            let keys = shape(entry.get("KeySchema"));
            json!([index, keys, kind, attributes]).to_string()
        })
        .collect();
    entries.sort();
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    const TEMPLATE: &str = "
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - { AttributeName: id, AttributeType: S }
        - { AttributeName: shard, AttributeType: S }
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      GlobalSecondaryIndexes:
        - IndexName: list
          KeySchema:
            - { AttributeName: shard, KeyType: HASH }
            - { AttributeName: id, KeyType: RANGE }
          Projection: { ProjectionType: INCLUDE, NonKeyAttributes: [b, a] }
      TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }
";

    fn tables(text: &str) -> Vec<Table> {
        Template::parse(text, "template.yaml").unwrap().tables().to_vec()
    }

    #[test]
    fn data_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Folder(folder.path().to_owned());
        for _ in 0..2 {
            let database = open(&storage, &tables(TEMPLATE)).unwrap();
            assert_eq!(database.table_count().unwrap(), 1);
        }
    }

    #[test]
    fn a_table_that_changed_is_named_with_what_changed() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Folder(folder.path().to_owned());
        open(&storage, &tables(TEMPLATE)).unwrap();
        let changed = TEMPLATE.replace("[b, a]", "[a, c]");
        let error = open(&storage, &tables(&changed)).err().unwrap().to_string();
        assert!(error.starts_with("the table `Things` in "), "{error}");
        assert!(error.contains("(GlobalSecondaryIndexes)"), "{error}");
        open(&storage, &tables(&TEMPLATE.replace("[b, a]", "[a, b]"))).unwrap();
    }

    #[test]
    fn a_stream_is_part_of_a_tables_shape() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Folder(folder.path().to_owned());
        let with_stream = |kind: &str| format!("{TEMPLATE}      StreamSpecification: {{ StreamViewType: {kind} }}\n");
        open(&storage, &tables(&with_stream("KEYS_ONLY"))).unwrap();
        open(&storage, &tables(&with_stream("KEYS_ONLY"))).unwrap();
        for changed in [with_stream("NEW_IMAGE"), TEMPLATE.to_owned()] {
            let error = open(&storage, &tables(&changed)).err().unwrap().to_string();
            assert!(error.contains("(StreamSpecification)"), "{error}");
        }
    }

    #[test]
    fn existing_data_follows_the_time_to_live_of_the_template() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Folder(folder.path().to_owned());
        let specification = "TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }";
        let with = |replacement: &str| TEMPLATE.replace(specification, replacement);
        let disabled = "TimeToLiveSpecification: { AttributeName: expires_at, Enabled: false }";
        let renamed = "TimeToLiveSpecification: { AttributeName: ends_at, Enabled: true }";
        for (text, expected) in [
            (with(specification), Some("expires_at")),
            (with(specification), Some("expires_at")),
            (with(renamed), Some("ends_at")),
            (with(disabled), None),
            (with(renamed), Some("ends_at")),
            (with(""), None),
            (with(""), None),
        ] {
            let tables = tables(&text);
            let database = open(&storage, &tables).unwrap();
            let name = request(json!({"TableName": "Things"}), &tables[0]).unwrap();
            let described = database.describe_time_to_live(name).unwrap().time_to_live_description;
            assert_eq!(described.attribute_name.as_deref(), expected, "{text}");
            assert_eq!(described.time_to_live_status == "ENABLED", expected.is_some(), "{text}");
        }
    }

    #[test]
    fn what_dynamodb_refuses_is_said() {
        let text = TEMPLATE.replace("AttributeName: shard, AttributeType: S", "AttributeName: other, AttributeType: S");
        let error = open(&Storage::Memory, &tables(&text)).err().unwrap().to_string();
        assert!(error.starts_with("the table `Things` of the template cannot be created: "), "{error}");
        assert!(error.contains("shard"), "{error}");
    }
}
