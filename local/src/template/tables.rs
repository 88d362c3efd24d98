//! `AWS::DynamoDB::Table`: what DynamoDB's own API needs to create it.

use serde_json::{Value, json};

use super::resolve::Scope;
use super::{ACCOUNT, Fault, REGION, Resource};

/// Properties that `CreateTable` takes in the same form.
const OF_CREATE_TABLE: &[&str] = &[
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
];

/// Properties that have no effect on one machine.
const ACCOUNT_ONLY: &[&str] = &[
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "TableClass",
    "Tags",
];

/// A table of the template. Its name is its logical id.
#[derive(Debug, Clone)]
pub struct Table {
    name: String,
    create: Value,
    time_to_live: Option<Value>,
}

impl Table {
    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `CreateTable` request that makes it.
    pub fn create_request(&self) -> &Value {
        &self.create
    }

    /// Its `TimeToLiveSpecification`, if it has one.
    pub fn time_to_live(&self) -> Option<&Value> {
        self.time_to_live.as_ref()
    }
}

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")
}

pub(super) fn read(resource: &Resource<'_>, scope: &Scope) -> Result<Table, Fault> {
    let mut create = serde_json::Map::new();
    create.insert("TableName".to_owned(), resource.id.into());
    let mut time_to_live = None;
    for (key, node) in resource.properties.map_or(Ok(&[][..]), |properties| properties.entries("Properties"))? {
        match key.text.as_str() {
            name if OF_CREATE_TABLE.contains(&name) => {
                create.insert(key.text.clone(), scope.json(node)?);
            }
            "StreamSpecification" => {
                let mut stream = scope.json(node)?;
                if let Some(map) = stream.as_object_mut() {
                    // CloudFormation leaves out what its presence says already.
                    map.insert("StreamEnabled".to_owned(), json!(true));
                }
                create.insert(key.text.clone(), stream);
            }
            "TimeToLiveSpecification" => time_to_live = Some(scope.json(node)?),
            name if ACCOUNT_ONLY.contains(&name) => {}
            other => {
                let message = format!("the local cloud does not support `{other}` of a table");
                return Err(Fault::at(key.line, message));
            }
        }
    }
    for required in ["AttributeDefinitions", "KeySchema"] {
        if !create.contains_key(required) {
            return Err(Fault::at(resource.line, format!("`{}` needs `{required}`", resource.id)));
        }
    }
    Ok(Table { name: resource.id.to_owned(), create: create.into(), time_to_live })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    const TEMPLATE: &str = "
Resources:
  Counters:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }
      StreamSpecification: { StreamViewType: KEYS_ONLY }
";

    #[test]
    fn a_table_becomes_its_create_request() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [table] = template.tables() else { panic!("there is one table") };
        assert_eq!(
            table.create_request(),
            &json!({
                "TableName": "Counters",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "StreamSpecification": {"StreamViewType": "KEYS_ONLY", "StreamEnabled": true},
            })
        );
        assert_eq!(table.time_to_live(), Some(&json!({"AttributeName": "expires_at", "Enabled": true})));
    }

    #[test]
    fn properties_that_would_be_lost_are_faults() {
        let text = TEMPLATE.replace("StreamSpecification: {", "KinesisStreamSpecification: {");
        let error = Template::parse(&text, "template.yaml").unwrap_err().to_string();
        assert_eq!(error, "template.yaml:11: the local cloud does not support `KinesisStreamSpecification` of a table");
    }
}
