//! Whether a function may make a call: its policies say so, as they do to IAM.

use std::collections::HashMap;

use serde_json::Value;

use super::scope::Credential;
use crate::template::{ACCOUNT, Function, REGION, queue_arn, table_arn};

/// What functions may do. Whoever is no function may do everything.
pub(crate) struct Access {
    functions: HashMap<String, Function>,
}

impl Access {
    pub(crate) fn new(functions: &[Function]) -> Self {
        Self { functions: functions.iter().map(|function| (function.name().to_owned(), function.clone())).collect() }
    }

    /// Why the call is refused, in AWS's words; `None` if it is allowed.
    pub(crate) fn refusal(&self, caller: &Credential, operation: &str, body: &[u8]) -> Option<String> {
        let function = self.functions.get(&caller.access_key)?;
        // What can't be read names no resource. That may be allowed, and then the service refuses it.
        let body = serde_json::from_slice(body).unwrap_or_default();
        let needed = needed(&caller.service, operation, &body);
        let (action, resource) = needed.iter().find(|(action, resource)| !function.may(action, resource))?;
        let role = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}", function.logical_id());
        Some(format!(
            "User: {role} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
             allows the {action} action"
        ))
    }
}

/// The actions that a call comes to, each with the ARN of what it is done to.
///
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>
fn needed(service: &str, operation: &str, body: &Value) -> Vec<(String, String)> {
    match service {
        "dynamodb" => of_dynamodb(operation, body),
        "sqs" => {
            // A batch takes the permission of what it is a batch of.
            let action = operation.trim_end_matches("Batch");
            let queue = body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).map(queue_arn);
            vec![(format!("sqs:{action}"), queue.unwrap_or_default())]
        }
        _ => of_ses(body),
    }
}

fn of_dynamodb(operation: &str, body: &Value) -> Vec<(String, String)> {
    let on = |action: &str, table: &str| (format!("dynamodb:{action}"), table_arn(table));
    match operation {
        // A transaction takes the permission of each of its actions, and none of its own.
        "TransactWriteItems" | "TransactGetItems" => {
            let actions = body["TransactItems"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
            let action = |kind: &str| {
                if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") }
            };
            actions
                .map(|(kind, on_what)| on(&action(kind), on_what["TableName"].as_str().unwrap_or_default()))
                .collect()
        }
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(table, _)| on(operation, table)).collect()
        }
        _ => {
            let table = body["TableName"].as_str().unwrap_or_default();
            let (action, arn) = on(operation, table);
            let index = body["IndexName"].as_str().map(|index| format!("{arn}/index/{index}"));
            vec![(action, index.unwrap_or(arn))]
        }
    }
}

/// SES provides `SendEmail` alone. What it is done to is whom the mail is from, and the configuration set.
fn of_ses(body: &Value) -> Vec<(String, String)> {
    let from = body["FromEmailAddress"].as_str().unwrap_or_default();
    let address = from.rsplit('<').next().unwrap_or(from).trim_end_matches('>');
    let set = body["ConfigurationSetName"].as_str().map(|name| format!("configuration-set/{name}"));
    let resources = [Some(format!("identity/{address}")), set].into_iter().flatten();
    resources
        .map(|resource| ("ses:SendEmail".to_owned(), format!("arn:aws:ses:{REGION}:{ACCOUNT}:{resource}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::Template;

    /// A function that may `Action` on the table `Users`.
    fn access(action: &str) -> Access {
        let text = format!(
            "
Resources:
  Users:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{ AttributeName: id, AttributeType: S }}]
      KeySchema: [{{ AttributeName: id, KeyType: HASH }}]
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/bootstrap.zip
      Policies: {{ Statement: {{ Effect: Allow, Action: '{action}', Resource: !GetAtt Users.Arn }} }}
"
        );
        Access::new(Template::parse(&text, "template.yaml").unwrap().functions())
    }

    fn refusal(access: &Access, caller: &str, operation: &str, body: &Value) -> Option<String> {
        let caller = Credential { access_key: caller.to_owned(), service: "dynamodb".to_owned() };
        access.refusal(&caller, operation, body.to_string().as_bytes())
    }

    #[test]
    fn a_function_is_refused_what_its_policies_do_not_allow_and_others_nothing() {
        let (access, call) = (access("dynamodb:PutItem"), json!({"TableName": "Users"}));
        assert_eq!(refusal(&access, "fn", "PutItem", &call), None);
        assert_eq!(refusal(&access, "local", "GetItem", &call), None);
        assert_eq!(
            refusal(&access, "fn", "GetItem", &call).unwrap(),
            "User: arn:aws:sts::000000000000:assumed-role/Fn is not authorized to perform: dynamodb:GetItem on resource: \
             arn:aws:dynamodb:us-east-1:000000000000:table/Users because no identity-based policy allows the \
             dynamodb:GetItem action"
        );
        assert!(refusal(&access, "fn", "PutItem", &json!({"TableName": "Others"})).is_some());
    }

    #[test]
    fn a_transaction_takes_the_permission_of_each_of_its_actions() {
        let of =
            |kind: &str| json!({"TransactItems": [{"Put": {"TableName": "Users"}}, {kind: {"TableName": "Users"}}]});
        let refused = |kind: &str, action: &str| {
            let refusal = refusal(&access("dynamodb:PutItem"), "fn", "TransactWriteItems", &of(kind)).unwrap();
            assert!(refusal.contains(&format!("perform: dynamodb:{action} on")), "{refusal}");
        };
        refused("Update", "UpdateItem");
        refused("Delete", "DeleteItem");
        refused("ConditionCheck", "ConditionCheckItem");
        assert_eq!(refusal(&access("dynamodb:PutItem"), "fn", "TransactWriteItems", &of("Put")), None);
    }

    #[test]
    fn an_index_is_not_its_table() {
        let query = json!({"TableName": "Users", "IndexName": "list"});
        let refusal = refusal(&access("dynamodb:Query"), "fn", "Query", &query).unwrap();
        assert!(refusal.contains("table/Users/index/list"), "{refusal}");
    }
}
