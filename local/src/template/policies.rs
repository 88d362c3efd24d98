//! `Policies` of a function: what the role that it gets may do.

use std::slice;

use super::Fault;
use super::resolve::Scope;
use super::yaml::{Node, Value};

/// Parts of a statement that are not looked at. Conditions are taken to be met.
const PASSED_OVER: &[&str] = &["Condition", "Sid"];

/// What a function may do of what AWS services offer.
#[derive(Debug, Clone, Default)]
pub(super) struct Policies {
    statements: Vec<Statement>,
}

/// All of these actions, on all of these resources.
#[derive(Debug, Clone, Default)]
struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
}

impl Policies {
    /// Whether a statement allows `action`, such as `dynamodb:GetItem`, on what has the ARN `resource`.
    pub(super) fn allow(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.statements.iter().any(|statement| {
            statement.actions.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
                && statement.resources.iter().any(|pattern| matches(pattern, resource))
        })
    }
}

pub(super) fn read(node: &Node, scope: &Scope) -> Result<Policies, Fault> {
    let mut statements = Vec::new();
    for document in one_or_many(node) {
        let of_document = document.get("Statement").ok_or_else(|| {
            let message = "the local cloud reads policies that have a `Statement`, no managed ones and no templates";
            Fault::at(document.line, message)
        })?;
        for node in one_or_many(of_document) {
            statements.push(statement(node, scope)?);
        }
    }
    Ok(Policies { statements })
}

fn statement(node: &Node, scope: &Scope) -> Result<Statement, Fault> {
    let mut statement = Statement::default();
    for (key, node) in node.entries("a statement")? {
        let texts = || one_or_many(node).iter().map(|node| scope.text(node)).collect::<Result<_, _>>();
        match key.text.as_str() {
            "Action" => statement.actions = texts()?,
            "Resource" => statement.resources = texts()?,
            "Effect" if scope.text(node)? == "Allow" => {}
            name if PASSED_OVER.contains(&name) => {}
            name => {
                return Err(Fault::at(
                    key.line,
                    format!("the local cloud does not follow this `{name}` of a statement"),
                ));
            }
        }
    }
    Ok(statement)
}

fn one_or_many(node: &Node) -> &[Node] {
    match &node.value {
        Value::Sequence(nodes) => nodes,
        _ => slice::from_ref(node),
    }
}

/// Whether `text` is what `pattern` describes, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    (0..=text.len()).filter_map(|at| text.get(at..)).any(|text| matches(rest, text))
}

#[cfg(test)]
mod tests {
    use crate::template::Template;

    const TEMPLATE: &str = "
Resources:
  Users:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/bootstrap.zip
      Policies:
        - Version: '2012-10-17'
          Statement:
            - Effect: Allow
              Action: [dynamodb:GetItem, dynamodb:Batch*]
              Resource: !GetAtt Users.Arn
            - { Effect: Allow, Action: dynamodb:Query, Resource: [!Sub '${Users.Arn}/index/*'] }
";

    #[test]
    fn a_function_may_do_what_a_statement_says_and_nothing_else() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [function] = template.functions() else { panic!("there is one function") };
        let users = "arn:aws:dynamodb:us-east-1:000000000000:table/Users";
        let index = format!("{users}/index/list");
        let allowed = [("dynamodb:GetItem", users), ("dynamodb:BatchWriteItem", users), ("dynamodb:Query", &index)];
        for (action, resource) in allowed {
            assert!(function.may(action, resource), "{action} {resource}");
        }
        let others = [("dynamodb:PutItem", users), ("dynamodb:Query", users), ("dynamodb:GetItem", &index)];
        for (action, resource) in others {
            assert!(!function.may(action, resource), "{action} {resource}");
        }
    }

    #[test]
    fn a_function_without_policies_may_do_nothing() {
        let text = TEMPLATE.split_once("      Policies").unwrap().0;
        let template = Template::parse(text, "template.yaml").unwrap();
        assert!(
            !template.functions()[0].may("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/Users")
        );
    }

    #[test]
    fn what_would_be_read_wrongly_is_a_fault() {
        let error = |text: &str| Template::parse(text, "template.yaml").unwrap_err().to_string();
        let denying = TEMPLATE.replacen("Effect: Allow", "Effect: Deny", 1);
        assert_eq!(error(&denying), "template.yaml:16: the local cloud does not follow this `Effect` of a statement");
        let (head, _) = TEMPLATE.split_once("        - Version").unwrap();
        assert_eq!(
            error(&format!("{head}        - AmazonDynamoDBFullAccess\n")),
            "template.yaml:14: the local cloud reads policies that have a `Statement`, no managed ones and no templates"
        );
    }
}
