//! `AWS::Serverless::Function`: what runs, for how long, and with which environment.

use std::collections::BTreeMap;
use std::time::Duration;

use super::policies::{self, Policies};
use super::resolve::Scope;
use super::secrets::SecretSpec;
use super::yaml::{Entry, Node};
use super::{ACCOUNT, Fault, REGION, Resource, queues, secrets};

/// SAM's defaults.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
const DEFAULT_MEMORY_MB: u32 = 128;

/// Properties that are followed.
const SUPPORTED: &[&str] =
    &["CodeUri", "DeadLetterQueue", "Environment", "Events", "MemorySize", "Policies", "Role", "Runtime", "Timeout"];

/// Properties that have no effect on one machine.
const ACCOUNT_ONLY: &[&str] = &[
    "Architectures",
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CodeSigningConfigArn",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "EventInvokeConfig",
    "Handler",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "PermissionsBoundary",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "ReservedConcurrentExecutions",
    "RolePath",
    "RuntimeManagementConfig",
    "Tags",
    "Tracing",
    "VersionDescription",
];

/// Properties that `Globals` cannot give: SAM refuses the last three there, and references to a function need its own
/// `CodeUri`.
const OF_ONE_FUNCTION: &[&str] = &["CodeUri", "Events", "Policies", "Role"];

/// The runtimes that run a binary.
const RUNTIMES: &[&str] = &["provided.al2023", "provided.al2"];

/// Variables that Lambda sets itself and refuses in a function's configuration, beside all of `AWS_LAMBDA_…`.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const RESERVED_VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

/// Stands for the address of the AWS services in what references give. The value of a variable cannot contain this
/// character, so no text of a template means it by accident.
pub(super) const AWS_URL: &str = "\0";

/// A function of the template.
#[derive(Debug, Clone)]
pub struct Function {
    logical_id: String,
    name: String,
    timeout: Duration,
    memory_mb: u32,
    environment: BTreeMap<String, EnvironmentValue>,
    dead_letter_queue: Option<String>,
    /// `None` if it has a role that stands elsewhere.
    policies: Option<Policies>,
}

/// The value of an environment variable, which may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentValue {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The address of the AWS services.
    AwsUrl,
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

    /// The name of the queue for events that nobody waits for and that failed every time, if there is one.
    pub fn dead_letter_queue(&self) -> Option<&str> {
        self.dead_letter_queue.as_deref()
    }

    /// Whether its policies allow `action`, such as `dynamodb:GetItem`, on what has the ARN `resource`. One with a
    /// `Role` of its own may do everything, as far as the template tells.
    pub fn may(&self, action: &str, resource: &str) -> bool {
        self.policies.as_ref().is_none_or(|policies| policies.allow(action, resource))
    }

    /// The ARN that invocations carry.
    pub fn arn(&self) -> String {
        arn(&self.name)
    }
}

impl EnvironmentValue {
    /// The value. `aws_url` is where the AWS services answer, and `secret` gives a secret's value by its logical id.
    pub fn resolve<'s>(&self, aws_url: &'s str, secret: impl Fn(&str) -> Option<&'s str>) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::AwsUrl => aws_url,
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
            push_text(&mut parts, before);
            parts.push(Part::Secret(known.logical_id().to_owned()));
            rest = tail;
        }
        push_text(&mut parts, rest);
        Ok(Self { parts })
    }
}

/// Adds `text` to `parts`, split where it refers to the AWS services.
fn push_text(parts: &mut Vec<Part>, text: &str) {
    for (index, piece) in text.split(AWS_URL).enumerate() {
        if index > 0 {
            parts.push(Part::AwsUrl);
        }
        parts.push(Part::Text(piece.to_owned()));
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
    let number = |name: &str, range| property(name).map(|node| scope.number(node, name, range)).transpose();
    if let Some(globals) = globals {
        check_globals(globals)?;
    }
    if let Some(properties) = resource.properties {
        check_properties(properties, "Properties")?;
    }
    if let Some(runtime) = property("Runtime")
        && !RUNTIMES.contains(&scope.text(runtime)?.as_str())
    {
        return Err(Fault::at(runtime.line, format!("`Runtime` must be {}", RUNTIMES.join(" or "))));
    }

    // SAM merges maps: a function's variables are added to the global ones and win over them.
    let mut environment = BTreeMap::new();
    for holder in [globals, resource.properties].into_iter().flatten() {
        for (key, node) in variables(holder)? {
            let name = &key.text;
            if name.starts_with("AWS_LAMBDA_") || RESERVED_VARIABLES.contains(&name.as_str()) {
                return Err(Fault::at(key.line, format!("Lambda sets `{name}` itself and refuses it here")));
            }
            let value = EnvironmentValue::parse(&scope.text(node)?, node.line, secrets)?;
            environment.insert(name.clone(), value);
        }
    }

    Ok(Function {
        logical_id: resource.id.to_owned(),
        name: package(resource)?.to_owned(),
        timeout: number("Timeout", 1..=900)?.map_or(DEFAULT_TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
        memory_mb: number("MemorySize", 128..=10_240)?.unwrap_or(DEFAULT_MEMORY_MB),
        environment,
        dead_letter_queue: property("DeadLetterQueue").map(|node| dead_letter_queue(node, scope)).transpose()?,
        policies: match (resource.property("Role"), resource.property("Policies")) {
            (Some(_), _) => None,
            (None, Some(node)) => Some(policies::read(node, scope)?),
            (None, None) => Some(Policies::default()),
        },
    })
}

/// The name of the queue that a `DeadLetterQueue` means.
fn dead_letter_queue(node: &Node, scope: &Scope) -> Result<String, Fault> {
    let (mut kind, mut target) = (None, None);
    for (key, node) in node.entries("DeadLetterQueue")? {
        match key.text.as_str() {
            "Type" => kind = Some((scope.text(node)?, node.line)),
            "TargetArn" => target = Some(node),
            other => return Err(Fault::at(key.line, format!("`DeadLetterQueue` has no `{other}`"))),
        }
    }
    match (kind, target) {
        (Some((kind, _)), Some(target)) if kind == "SQS" => queues::name_of(target, scope),
        (Some((_, line)), Some(_)) => {
            Err(Fault::at(line, "the local cloud puts dead letters into queues only: `Type: SQS`"))
        }
        _ => Err(Fault::at(node.line, "`DeadLetterQueue` needs `Type` and `TargetArn`")),
    }
}

fn check_globals(globals: &Node) -> Result<(), Fault> {
    let entries = globals.entries("Function")?;
    if let Some((key, _)) = entries.iter().find(|(key, _)| OF_ONE_FUNCTION.contains(&key.text.as_str())) {
        let message = format!("`{}` must stand at each function, not in Globals", key.text);
        return Err(Fault::at(key.line, message));
    }
    check_properties(globals, "Function")
}

fn check_properties(properties: &Node, what: &str) -> Result<(), Fault> {
    for (key, _) in properties.entries(what)? {
        let name = key.text.as_str();
        if !SUPPORTED.contains(&name) && !ACCOUNT_ONLY.contains(&name) {
            return Err(Fault::at(key.line, format!("the local cloud does not support `{name}` of a function")));
        }
    }
    Ok(())
}

/// The entries of `Environment.Variables`.
fn variables(properties: &Node) -> Result<&[Entry], Fault> {
    let Some(environment) = properties.get("Environment") else { return Ok(&[]) };
    let entries = environment.entries("Environment")?;
    if let Some((key, _)) = entries.iter().find(|(key, _)| key.text != "Variables") {
        let message = format!("`Environment` of a function has `Variables`, not `{}`", key.text);
        return Err(Fault::at(key.line, message));
    }
    environment.get("Variables").map_or(Ok(&[]), |variables| variables.entries("Variables"))
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
                format!("{name}={}", value.resolve("", |id| if id == "Secret" { Some("hush") } else { None }))
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

    fn error(from: &str, to: &str) -> String {
        assert!(TEMPLATE.contains(from));
        Template::parse(&TEMPLATE.replacen(from, to, 1), "template.yaml").unwrap_err().to_string()
    }

    #[test]
    fn properties_that_would_be_lost_are_faults() {
        assert_eq!(
            error("MemorySize: 256", "VpcConfig: {}"),
            "template.yaml:14: the local cloud does not support `VpcConfig` of a function"
        );
        assert_eq!(
            error("Timeout: 10", "TimeOut: 10"),
            "template.yaml:4: the local cloud does not support `TimeOut` of a function"
        );
        assert_eq!(
            error("Timeout: 10", "Events: {}"),
            "template.yaml:4: `Events` must stand at each function, not in Globals"
        );
        assert_eq!(
            error("Variables:", "Variable:"),
            "template.yaml:6: `Environment` of a function has `Variables`, not `Variable`"
        );
    }

    #[test]
    fn a_dead_letter_queue_is_a_queue_of_the_template() {
        let with = |dead_letter_queue: &str| {
            let text = TEMPLATE.replace("MemorySize: 256", &format!("DeadLetterQueue: {dead_letter_queue}"));
            let text = format!("{text}  Dead: {{ Type: 'AWS::SQS::Queue' }}\n  Jobs: {{ Type: 'AWS::SQS::Queue' }}\n");
            Template::parse(&text, "template.yaml").map_err(|error| error.to_string())
        };
        let template = with("{ Type: SQS, TargetArn: !GetAtt Dead.Arn }").unwrap();
        assert_eq!(template.functions()[0].dead_letter_queue(), Some("Dead"));
        let holders: Vec<_> = template.queues().iter().filter(|queue| queue.holds_dead_letters()).collect();
        assert_eq!((holders.len(), holders[0].name()), (1, "Dead"));
        for (dead_letter_queue, fault) in [
            (
                "{ Type: SQS, TargetArn: !GetAtt ItemsTable.Arn }",
                "this must be the ARN of a queue of this template: !GetAtt Queue.Arn",
            ),
            (
                "{ Type: SNS, TargetArn: !GetAtt Dead.Arn }",
                "the local cloud puts dead letters into queues only: `Type: SQS`",
            ),
            ("{ TargetArn: !GetAtt Dead.Arn }", "`DeadLetterQueue` needs `Type` and `TargetArn`"),
            ("{ Type: SQS, Arn: x }", "`DeadLetterQueue` has no `Arn`"),
        ] {
            assert_eq!(with(dead_letter_queue).unwrap_err(), format!("template.yaml:14: {fault}"));
        }
    }

    #[test]
    fn what_only_matters_in_an_account_is_accepted() {
        let text = TEMPLATE.replace("MemorySize: 256", "Tags: { a: b }\n      Layers: []\n      Runtime: provided.al2");
        assert!(Template::parse(&text, "template.yaml").is_ok());
    }

    #[test]
    fn only_runtimes_that_run_a_binary_are_accepted() {
        assert_eq!(
            error("Timeout: 10", "Runtime: python3.12"),
            "template.yaml:4: `Runtime` must be provided.al2023 or provided.al2"
        );
    }

    #[test]
    fn variables_that_lambda_sets_are_faults() {
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_LAMBDA_FUNCTION_NAME", "_HANDLER"] {
            assert_eq!(
                error("LEVEL: debug", &format!("{name}: x")),
                format!("template.yaml:17: Lambda sets `{name}` itself and refuses it here")
            );
        }
    }
}
