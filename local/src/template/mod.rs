//! `template.yaml`, as far as one machine needs it: functions and what invokes them, tables, queues, topics, secrets.
//!
//! What the template does not name does not exist locally. What it names and the local cloud cannot provide is an error
//! with its line, so that nothing is left out silently. Resources that only matter in an account (alarms, log groups,
//! IAM) are accepted and skipped, but their references are checked.

mod events;
mod functions;
mod mail;
mod policies;
mod queues;
mod resolve;
mod routes;
mod secrets;
mod tables;
mod topics;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use events::{Period, QueueSource, Schedule, Scheduler, Subscription};
pub use functions::{EnvironmentValue, Function};
pub use mail::MailSettings;
pub(crate) use mail::{ConfigurationSet, EmailIdentity, MailEvent};
pub(crate) use queues::{MESSAGE_LIMIT, arn as queue_arn};
pub use queues::{Queue, Redrive};
pub use routes::{Route, Routes};
pub use secrets::SecretSpec;
pub use tables::Table;
pub(crate) use tables::arn as table_arn;

use events::{Events, Surroundings};
use resolve::{Referent, Scope};
use routes::HttpApi;
use yaml::Node;

/// The region that everything local is in.
pub const REGION: &str = "us-east-1";

/// The account that everything local belongs to.
pub const ACCOUNT: &str = "000000000000";

/// Resource types that have no effect on one machine.
const ACCOUNT_ONLY: &[&str] = &[
    "AWS::ApplicationAutoScaling::",
    "AWS::Budgets::",
    "AWS::CloudFront::",
    "AWS::CloudWatch::",
    "AWS::IAM::",
    "AWS::Lambda::Permission",
    "AWS::Logs::",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::WAFv2::",
    "AWS::XRay::",
];

/// A template that was read and checked.
#[derive(Debug)]
pub struct Template {
    functions: Vec<Function>,
    tables: Vec<Table>,
    secrets: Vec<SecretSpec>,
    queues: Vec<Queue>,
    events: Events,
    mail: MailSettings,
}

/// Why a template cannot be used, and where.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// The file could not be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The template.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something in the file is wrong.
    #[error("{}:{line}: {message}", path.display())]
    Invalid {
        /// The template.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// There is nothing to run. A template like that still describes tables and secrets.
    #[error("the template has no AWS::Serverless::Function, so there is nothing to run")]
    NoFunction,
}

/// A fault at a line of a template whose name does not matter yet.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

impl Template {
    /// Reads and checks the template at `path`.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, TemplateError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| TemplateError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Checks the template `text`; `path` is what messages call it.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, TemplateError> {
        Self::read(text).map_err(|fault| TemplateError::Invalid {
            path: path.as_ref().to_owned(),
            line: fault.line,
            message: fault.message,
        })
    }

    fn read(text: &str) -> Result<Self, Fault> {
        let root = yaml::parse(text)?;
        let resources = resources(&root)?;
        let mut scope = Scope { parameters: parameters(&root)?, resources: referents(&resources)? };
        for resource in resources.iter().filter(|resource| resource.kind.has_name_of_its_own()) {
            let reference = Some(mail::name(resource, &scope)?);
            scope.resources.insert(resource.id.to_owned(), Referent { kind: resource.kind, reference, arn: None });
        }
        for part in ["Globals", "Resources", "Outputs"] {
            root.get(part).map_or(Ok(()), |node| scope.check(node))?;
        }

        let mut template = Self {
            functions: Vec::new(),
            tables: Vec::new(),
            secrets: Vec::new(),
            queues: Vec::new(),
            events: Events::default(),
            mail: mail::read(&resources, &scope)?,
        };
        // First what functions refer to.
        for resource in &resources {
            match resource.kind {
                Kind::Secret => template.secrets.push(secrets::read(resource)?),
                Kind::Queue => template.queues.push(queues::read(resource, &scope)?),
                _ => {}
            }
        }
        let queues = template.queues.clone();
        let surroundings = Surroundings { api: http_api(&root, &resources)?, scope: &scope, queues: &queues };
        for resource in &resources {
            match resource.kind {
                Kind::Table => template.tables.push(tables::read(resource, &scope)?),
                Kind::Function => {
                    let globals = root.get("Globals").and_then(|globals| globals.get("Function"));
                    let function = functions::read(resource, globals, &scope, &template.secrets)?;
                    if let Some(twin) = template.functions.iter().find(|other| other.name() == function.name()) {
                        let message = format!("`{}` runs the same binary as `{}`", resource.id, twin.logical_id());
                        return Err(Fault::at(resource.line, message));
                    }
                    events::read(resource, &function, &surroundings, &mut template.events)?;
                    template.functions.push(function);
                }
                Kind::Topic => topics::check(resource)?,
                // Read before.
                Kind::HttpApi
                | Kind::Queue
                | Kind::Secret
                | Kind::AccountOnly
                | Kind::ConfigurationSet
                | Kind::EmailIdentity
                | Kind::EventDestination => {}
            }
        }
        queues::note_dead_letters(&mut template.queues, &template.functions);
        Ok(template)
    }

    /// The functions, in the template's order.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The tables, in the template's order.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The secrets that a deployment generates, in the template's order.
    pub fn secrets(&self) -> &[SecretSpec] {
        &self.secrets
    }

    /// The HTTP API's routes.
    pub fn routes(&self) -> &Routes {
        &self.events.routes
    }

    /// The queues, in the template's order.
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// The functions that get the messages of queues.
    pub fn queue_sources(&self) -> &[QueueSource] {
        &self.events.queues
    }

    /// The functions that are invoked at certain times.
    pub fn schedules(&self) -> &[Schedule] {
        &self.events.schedules
    }

    /// The functions that get what is published in topics.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.events.subscriptions
    }

    /// Who may send mail, and where it is told what became of it.
    pub fn mail(&self) -> &MailSettings {
        &self.mail
    }
}

/// What a resource is on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    AccountOnly,
    ConfigurationSet,
    EmailIdentity,
    EventDestination,
    Function,
    HttpApi,
    Queue,
    Secret,
    Table,
    Topic,
}

impl Kind {
    /// Whether `!Ref` gives a name that the template may choose, rather than the logical id.
    fn has_name_of_its_own(self) -> bool {
        matches!(self, Self::ConfigurationSet | Self::EmailIdentity)
    }
}

/// An entry of `Resources`.
struct Resource<'a> {
    id: &'a str,
    line: usize,
    kind: Kind,
    properties: Option<&'a Node>,
}

impl<'a> Resource<'a> {
    fn property(&self, name: &str) -> Option<&'a Node> {
        self.properties.and_then(|properties| properties.get(name))
    }
}

/// Parameters with their defaults, or with the values that the template's own `Metadata` gives them on one machine:
///
/// ```yaml
/// Metadata:
///   LocalCloud:
///     Parameters: { CorsOrigins: http://localhost:3000 }
/// ```
fn parameters(root: &Node) -> Result<BTreeMap<String, Option<String>>, Fault> {
    let Some(node) = root.get("Parameters") else { return Ok(BTreeMap::new()) };
    let mut parameters = BTreeMap::new();
    for (key, parameter) in node.entries("Parameters")? {
        // The default of such a parameter is where its value is, and not the value.
        if let Some(kind) = parameter.get("Type")
            && kind.scalar().is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::Value<"))
        {
            let message = format!("`{}`: the local cloud has no Parameter Store to look it up in", key.text);
            return Err(Fault::at(kind.line, message));
        }
        let default = parameter.get("Default").and_then(Node::scalar);
        parameters.insert(key.text.clone(), default.map(str::to_owned));
    }
    let local = root.get("Metadata").and_then(|node| node.get("LocalCloud")).and_then(|node| node.get("Parameters"));
    for (key, value) in local.map_or(Ok(&[][..]), |node| node.entries("Parameters"))? {
        let Some(parameter) = parameters.get_mut(&key.text) else {
            return Err(Fault::at(key.line, format!("`{}` is no parameter of this template", key.text)));
        };
        let text = value.scalar().ok_or_else(|| Fault::at(value.line, format!("`{}` must be text", key.text)))?;
        *parameter = Some(text.to_owned());
    }
    Ok(parameters)
}

fn resources(root: &Node) -> Result<Vec<Resource<'_>>, Fault> {
    let node = root.get("Resources").ok_or_else(|| Fault::at(root.line, "there are no `Resources`"))?;
    let mut resources = Vec::new();
    for (key, node) in node.entries("Resources")? {
        let type_name = node
            .get("Type")
            .and_then(Node::scalar)
            .ok_or_else(|| Fault::at(key.line, format!("`{}` has no `Type`", key.text)))?;
        let kind = match type_name {
            "AWS::DynamoDB::Table" => Kind::Table,
            "AWS::SecretsManager::Secret" => Kind::Secret,
            "AWS::Serverless::Function" => Kind::Function,
            "AWS::Serverless::HttpApi" => Kind::HttpApi,
            "AWS::SES::ConfigurationSet" => Kind::ConfigurationSet,
            "AWS::SES::ConfigurationSetEventDestination" => Kind::EventDestination,
            "AWS::SES::EmailIdentity" => Kind::EmailIdentity,
            "AWS::SNS::Topic" => Kind::Topic,
            "AWS::SQS::Queue" => Kind::Queue,
            other if ACCOUNT_ONLY.iter().any(|prefix| other.starts_with(prefix)) => Kind::AccountOnly,
            other => {
                let message = format!("`{}`: the local cloud does not provide {other}", key.text);
                return Err(Fault::at(key.line, message));
            }
        };
        if kind != Kind::AccountOnly
            && let Some(condition) = node.get("Condition")
        {
            let message = format!("`{}`: the local cloud does not evaluate conditions", key.text);
            return Err(Fault::at(condition.line, message));
        }
        resources.push(Resource { id: &key.text, line: key.line, kind, properties: node.get("Properties") });
    }
    Ok(resources)
}

fn referents(resources: &[Resource<'_>]) -> Result<BTreeMap<String, Referent>, Fault> {
    let mut referents = BTreeMap::new();
    for resource in resources {
        let id = resource.id;
        let (reference, arn) = match resource.kind {
            // Names that the template chooses are known once its parameters are.
            Kind::AccountOnly | Kind::ConfigurationSet | Kind::EmailIdentity => (None, None),
            Kind::EventDestination => (Some(id.to_owned()), None),
            Kind::Function => {
                let name = functions::package(resource)?;
                (Some(name.to_owned()), Some(functions::arn(name)))
            }
            Kind::HttpApi => (Some(routes::API_ID.to_owned()), None),
            Kind::Queue => (Some(queues::reference(id)), Some(queues::arn(id))),
            Kind::Secret => (Some(secrets::arn(id)), None),
            Kind::Table => (Some(id.to_owned()), Some(tables::arn(id))),
            Kind::Topic => (Some(topics::arn(id)), Some(topics::arn(id))),
        };
        referents.insert(id.to_owned(), Referent { kind: resource.kind, reference, arn });
    }
    Ok(referents)
}

fn http_api<'a>(root: &'a Node, resources: &[Resource<'a>]) -> Result<Option<HttpApi<'a>>, Fault> {
    let globals = root.get("Globals").and_then(|globals| globals.get("HttpApi"));
    let mut apis = resources.iter().filter(|resource| resource.kind == Kind::HttpApi);
    let first = apis.next();
    if let Some(second) = apis.next() {
        return Err(Fault::at(second.line, "the local cloud serves one AWS::Serverless::HttpApi"));
    }
    first.map(|resource| HttpApi::read(resource, globals)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const HEAD: &str = "Resources:\n  Api:\n    Type: AWS::Serverless::HttpApi\n";

    fn error(text: &str) -> String {
        Template::parse(text, "template.yaml").expect_err("the template has a fault").to_string()
    }

    fn with_function(properties: &str) -> String {
        let properties = properties.trim_end().replace('\n', "\n      ");
        format!("{HEAD}  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      {properties}\n")
    }

    #[test]
    fn the_projects_template_is_understood() {
        let template = Template::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).unwrap();
        assert!(!template.functions().is_empty());
        assert!(!template.tables().is_empty());
        assert!(template.routes().find("GET", "/nowhere").is_some(), "the template has a `$default` route");
    }

    #[test]
    fn errors_name_file_and_line() {
        assert_eq!(error("Resources:\n  X:\n    Properties: {}\n"), "template.yaml:2: `X` has no `Type`");
        assert_eq!(error("A: 1\n"), "template.yaml:1: there are no `Resources`");
        assert_eq!(
            error("Resources:\n  B:\n    Type: AWS::S3::Bucket\n"),
            "template.yaml:2: `B`: the local cloud does not provide AWS::S3::Bucket"
        );
        assert_eq!(
            error(&with_function("CodeUri: target/lambda/fn/bootstrap.zip\nRole: !Ref Nobody\n")),
            "template.yaml:8: `Nobody` is not a resource or parameter"
        );
        assert_eq!(
            error(&with_function("MemorySize: 128\n")),
            "template.yaml:4: `Fn` needs a `CodeUri` of the form target/lambda/<package>/bootstrap.zip"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Template::load("/nowhere/template.yaml").unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/template.yaml: "), "{error}");
    }

    #[test]
    fn environment_variables_must_resolve() {
        let code = "CodeUri: target/lambda/fn/bootstrap.zip\nEnvironment:\n  Variables:\n";
        assert_eq!(
            error(&with_function(&format!("{code}    A: !Join ['', [a, b]]\n"))),
            "template.yaml:10: the local cloud cannot evaluate `Fn::Join` here"
        );
        assert_eq!(
            error(&with_function(&format!("{code}    A: '{{{{resolve:secretsmanager:elsewhere}}}}'\n"))),
            "template.yaml:10: `elsewhere` is not a secret of this template"
        );
        assert_eq!(
            error(&with_function(&format!("{code}    A: '{{{{resolve:ssm:/x}}}}'\n"))),
            "template.yaml:10: the local cloud resolves `secretsmanager` references only"
        );
    }

    #[test]
    fn parameters_from_the_parameter_store_are_faults() {
        let text =
            "Parameters:\n  Image:\n    Type: AWS::SSM::Parameter::Value<String>\n    Default: /a/b\nResources: {}\n";
        assert_eq!(error(text), "template.yaml:3: `Image`: the local cloud has no Parameter Store to look it up in");
    }

    #[test]
    fn parameters_can_have_values_of_their_own_on_one_machine() {
        let text = |local: &str| {
            let function = with_function(
                "CodeUri: target/lambda/fn/bootstrap.zip\nEnvironment: { Variables: { A: !Ref Origin } }",
            );
            format!(
                "{function}Parameters:\n  Origin: {{ Type: String, Default: deployed }}\n\
                 Metadata: {{ LocalCloud: {{ Parameters: {{ {local} }} }} }}\n"
            )
        };
        let template = Template::parse(&text("Origin: local"), "template.yaml").unwrap();
        let [function] = template.functions() else { panic!("there is one function") };
        assert_eq!(function.environment()["A"].resolve("", |_| None), "local");
        let message = error(&text("Orgin: local"));
        assert!(message.ends_with("`Orgin` is no parameter of this template"), "{message}");
    }

    #[test]
    fn excluded_characters_must_be_text() {
        let text = "Resources:\n  Key:\n    Type: AWS::SecretsManager::Secret\n    Properties:\n      \
                    GenerateSecretString: { ExcludeCharacters: [a, b] }\n";
        assert_eq!(error(text), "template.yaml:5: `ExcludeCharacters` must be text");
    }

    #[test]
    fn resources_that_only_matter_in_an_account_are_skipped() {
        let text = "Resources:\n  Alarm:\n    Type: AWS::CloudWatch::Alarm\n    Condition: InProduction\n";
        assert!(Template::parse(text, "template.yaml").is_ok());
    }

    #[test]
    fn two_functions_cannot_share_a_binary() {
        let text = with_function("CodeUri: target/lambda/fn/bootstrap.zip\n");
        let text = format!(
            "{text}  Twin:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: target/lambda/fn/bootstrap.zip\n"
        );
        assert_eq!(error(&text), "template.yaml:8: `Twin` runs the same binary as `Fn`");
    }
}
