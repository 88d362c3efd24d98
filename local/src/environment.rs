//! The environment that a function's sandboxes get.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::StartError;
use crate::secrets::Secrets;
use crate::template::{Function, REGION};

/// Values that replace those of the template, by variable name. They can be secrets, so they can't be printed.
#[derive(Default)]
pub(crate) struct Overrides {
    values: BTreeMap<String, String>,
}

impl Overrides {
    /// The entries of the `.env` file at `path`, if there is one, and over them `values`.
    pub(crate) fn read(path: Option<&Path>, values: &BTreeMap<String, String>) -> Result<Self, StartError> {
        let mut merged = BTreeMap::new();
        if let Some(path) = path.filter(|path| path.exists()) {
            let fault = |error: dotenvy::Error| {
                let message = match error {
                    // The library would show the line, which can hold a secret.
                    dotenvy::Error::LineParse(_, column) => {
                        format!("a line is no assignment from column {column} on; quote values with spaces")
                    }
                    other => other.to_string(),
                };
                StartError::Dotenv { path: path.to_owned(), message }
            };
            for entry in dotenvy::from_path_iter(path).map_err(fault)? {
                let (name, value) = entry.map_err(fault)?;
                merged.insert(name, value);
            }
        }
        merged.extend(values.clone());
        Ok(Self { values: merged })
    }

    /// The names of those that replace something in one of `functions`.
    pub(crate) fn effective(&self, functions: &[Function]) -> Vec<&str> {
        let given = |name: &&String| functions.iter().any(|function| function.environment().contains_key(*name));
        self.values.keys().filter(given).map(String::as_str).collect()
    }
}

/// The variables that the template gives `function`, with their local values.
pub(crate) fn variables(
    function: &Function,
    aws_url: &str,
    secrets: &Secrets,
    overrides: &Overrides,
) -> BTreeMap<String, String> {
    function
        .environment()
        .iter()
        .map(|(name, value)| {
            let value = match overrides.values.get(name) {
                Some(value) => value.clone(),
                None => value.resolve(aws_url, |secret| secrets.get(secret)),
            };
            (name.clone(), value)
        })
        .collect()
}

/// The whole environment: Lambda's own variables, the local services, and over them the function's `variables`.
pub(crate) fn complete(
    function: &Function,
    variables: &BTreeMap<String, String>,
    aws_url: &str,
    strict_limits: bool,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    let memory = function.memory_mb().to_string();
    let log_group = format!("/aws/lambda/{}", function.name());
    for (name, value) in [
        // Tells the services who calls, and so what the caller may do.
        ("AWS_ACCESS_KEY_ID", function.name()),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ENDPOINT_URL", aws_url),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        // For people; CloudWatch gets what the template says.
        ("AWS_LAMBDA_LOG_FORMAT", "Text"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", log_group.as_str()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
        ("AWS_REGION", REGION),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        // Functions are strict unless they are told not to be, as here, where one person makes all the requests.
        ("STRICT_LIMITS", if strict_limits { "true" } else { "false" }),
        ("TZ", ":UTC"),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    if let Ok(path) = std::env::var("PATH") {
        environment.insert("PATH".to_owned(), path);
    }
    environment.extend(variables.clone());
    environment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    const TEMPLATE: &str = "
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/bootstrap.zip
      Environment: { Variables: { LEVEL: info, EMAIL: a@example.com } }
";

    #[test]
    fn only_variables_of_the_template_are_replaced() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [function] = template.functions() else { panic!("there is one function") };
        let folder = tempfile::tempdir().unwrap();
        let dotenv = folder.path().join(".env");
        std::fs::write(&dotenv, "LEVEL=debug\nEMAIL=\"b@example.com\"\nOTHER=1\n").unwrap();
        let given = BTreeMap::from([("LEVEL".to_owned(), "trace".to_owned())]);
        let overrides = Overrides::read(Some(&dotenv), &given).unwrap();

        assert_eq!(overrides.effective(template.functions()), ["EMAIL", "LEVEL"]);
        let variables = variables(function, "", &Secrets::default(), &overrides);
        assert_eq!(variables["LEVEL"], "trace");
        assert_eq!(variables["EMAIL"], "b@example.com");
        assert_eq!(variables.len(), 2);
    }

    #[test]
    fn functions_are_told_whether_limits_are_strict() {
        let template = Template::parse(TEMPLATE, "template.yaml").unwrap();
        let [function] = template.functions() else { panic!("there is one function") };
        for (strict, expected) in [(true, "true"), (false, "false")] {
            let environment = complete(function, &BTreeMap::new(), "http://127.0.0.1:1", strict);
            assert_eq!(environment["STRICT_LIMITS"], expected);
        }
    }

    #[test]
    fn a_faulty_dotenv_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let dotenv = folder.path().join(".env");
        std::fs::write(&dotenv, "not an assignment\n").unwrap();
        let error = Overrides::read(Some(&dotenv), &BTreeMap::new()).err().unwrap().to_string();
        assert!(error.contains(".env: "), "{error}");
    }

    #[test]
    fn a_missing_dotenv_file_is_no_fault() {
        assert!(Overrides::read(Some(Path::new("/nowhere/.env")), &BTreeMap::new()).is_ok());
    }
}
