//! `AWS::Serverless::Function`: what runs, for how long, and with which environment.

use std::collections::BTreeMap;
use std::time::Duration;

use super::resolve::Scope;
use super::secrets::SecretSpec;
use super::yaml::Node;
use super::{ACCOUNT, Fault, REGION, Resource, secrets};

/// SAM's defaults.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
const DEFAULT_MEMORY_MB: u32 = 128;

/// Properties that change what a function is in a way that the local cloud does not follow.
const UNSUPPORTED: &[&str] = &["FunctionUrlConfig", "ImageUri", "InlineCode", "Layers", "PackageType"];

/// A function of the template.
#[derive(Debug, Clone)]
pub struct Function {
    logical_id: String,
    name: String,
    timeout: Duration,
    memory_mb: u32,
    environment: BTreeMap<String, EnvironmentValue>,
}

/// The value of an environment variable, which may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentValue {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The value of the secret with this logical id.
    Secret(String),
}

impl Function {
    /// The resource's key in the template.
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// The package and binary that runs: `<name>` of `target/lambda/<name>/bootstrap.zip`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long one invocation may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What the function is told it may use; nothing enforces it locally.
    pub fn memory_mb(&self) -> u32 {
        self.memory_mb
    }

    /// The variables by name.
    pub fn environment(&self) -> &BTreeMap<String, EnvironmentValue> {
        &self.environment
    }

    /// The ARN that invocations carry.
    pub fn arn(&self) -> String {
        arn(&self.name)
    }
}

impl EnvironmentValue {
    /// The value, with `secret` giving a secret's value by its logical id.
    pub fn resolve<'s>(&self, secret: impl Fn(&str) -> Option<&'s str>) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Secret(id) => secret(id).unwrap_or_default(),
            })
            .collect()
    }

    /// Splits `text` at its dynamic references (`{{resolve:secretsmanager:…}}`).
    fn parse(text: &str, line: usize, known: &[SecretSpec]) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{resolve:") {
            let (reference, tail) =
                after.split_once("}}").ok_or_else(|| Fault::at(line, "`{{resolve:` without a closing `}}`"))?;
            let secret = reference
                .strip_prefix("secretsmanager:")
                .ok_or_else(|| Fault::at(line, "the local cloud resolves `secretsmanager` references only"))?;
            // The whole secret may be asked for by name; JSON keys and versions of it cannot.
            let secret = secret.trim_end_matches(':').trim_end_matches(":SecretString");
            let known = known
                .iter()
                .find(|spec| secret == secrets::arn(spec.logical_id()))
                .ok_or_else(|| Fault::at(line, format!("`{secret}` is not a secret of this template")))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Secret(known.logical_id().to_owned()));
            rest = tail;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts })
    }
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

pub(super) fn package<'a>(resource: &Resource<'a>) -> Result<&'a str, Fault> {
    resource
        .property("CodeUri")
        .and_then(Node::scalar)
        .and_then(|uri| uri.strip_prefix("target/lambda/")?.strip_suffix("/bootstrap.zip"))
        .filter(|name| !name.is_empty() && !name.contains('/'))
        .ok_or_else(|| {
            let id = resource.id;
            let message = format!("`{id}` needs a `CodeUri` of the form target/lambda/<package>/bootstrap.zip");
            Fault::at(resource.line, message)
        })
}

pub(super) fn read(
    resource: &Resource<'_>,
    globals: Option<&Node>,
    scope: &Scope,
    secrets: &[SecretSpec],
) -> Result<Function, Fault> {
    let property = |name: &str| resource.property(name).or_else(|| globals.and_then(|globals| globals.get(name)));
    for name in UNSUPPORTED {
        if let Some(node) = property(name) {
            return Err(Fault::at(node.line, format!("the local cloud does not support `{name}` of a function")));
        }
    }

    // SAM merges maps: a function's variables are added to the global ones and win over them.
    let mut environment = BTreeMap::new();
    for holder in [globals, resource.properties].into_iter().flatten() {
        let Some(variables) = holder.get("Environment").and_then(|node| node.get("Variables")) else { continue };
        for (key, node) in variables.entries("Variables")? {
            let value = EnvironmentValue::parse(&scope.text(node)?, node.line, secrets)?;
            environment.insert(key.text.clone(), value);
        }
    }

    Ok(Function {
        logical_id: resource.id.to_owned(),
        name: package(resource)?.to_owned(),
        timeout: number(property("Timeout"), "Timeout", 1..=900, scope)?
            .map_or(DEFAULT_TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
        memory_mb: number(property("MemorySize"), "MemorySize", 128..=10_240, scope)?.unwrap_or(DEFAULT_MEMORY_MB),
        environment,
    })
}

fn number(
    node: Option<&Node>,
    name: &str,
    range: std::ops::RangeInclusive<u32>,
    scope: &Scope,
) -> Result<Option<u32>, Fault> {
    let Some(node) = node else { return Ok(None) };
    match scope.text(node)?.parse() {
        Ok(value) if range.contains(&value) => Ok(Some(value)),
        _ => {
            let message = format!("`{name}` must be a number from {} to {}", range.start(), range.end());
            Err(Fault::at(node.line, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::template::Template;

    const TEMPLATE: &str = r#"
Globals:
  Function:
    Timeout: 10
    Environment:
      Variables:
        ISSUER: peregrine
        LEVEL: info
Resources:
  ItemsFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/items/bootstrap.zip
      MemorySize: 256
      Environment:
        Variables:
          LEVEL: debug
          ITEMS_TABLE: !Ref ItemsTable
          KEY: !Sub "k-{{resolve:secretsmanager:${Secret}}}-${AWS::Region}"
          DEBUG: true
  ItemsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString: {}
"#;

    #[test]
    fn a_function_has_its_own_and_the_global_settings() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [function] = template.functions() else { panic!("there is one function") };
        assert_eq!((function.name(), function.logical_id()), ("items", "ItemsFunction"));
        assert_eq!((function.timeout().as_secs(), function.memory_mb()), (10, 256));
        let environment: Vec<_> = function
            .environment()
            .iter()
            .map(|(name, value)| {
                format!("{name}={}", value.resolve(|id| if id == "Secret" { Some("hush") } else { None }))
            })
            .collect();
        assert_eq!(
            environment,
            ["DEBUG=true", "ISSUER=peregrine", "ITEMS_TABLE=ItemsTable", "KEY=k-hush-us-east-1", "LEVEL=debug"]
        );
    }

    #[test]
    fn numbers_out_of_range_are_faults() {
        let text = TEMPLATE.replace("Timeout: 10", "Timeout: 1000");
        let error = Template::parse(&text, "template.yaml").unwrap_err().to_string();
        assert_eq!(error, "template.yaml:4: `Timeout` must be a number from 1 to 900");
    }
}
