//! Reads settings from the environment, and names all that is wrong with them at once.

use std::fmt::Display;
use std::str::FromStr;

use secrecy::SecretString;

/// Settings are missing or malformed. The function must not start.
#[derive(Debug, thiserror::Error)]
#[error("the function can't start: {}. Set them in template.yaml, or in .env locally", problems.join("; "))]
pub struct SettingsError {
    problems: Vec<String>,
}

/// Collects settings, and what is wrong with them.
///
/// ```
/// # use peregrine_core::settings::Environment;
/// let mut environment = Environment::from_fn(|name| (name == "ITEMS_TABLE").then(|| "items".into()));
/// let table = environment.text("ITEMS_TABLE");
/// environment.finish().expect("all settings are there");
/// assert_eq!(table, "items");
/// ```
pub struct Environment {
    read: Box<Read>,
    problems: Vec<String>,
}

type Read = dyn Fn(&str) -> Option<String>;

impl Environment {
    /// The process's environment.
    pub fn process() -> Self {
        Self::from_fn(|name| std::env::var(name).ok())
    }

    /// Settings from elsewhere, for tests.
    pub fn from_fn(read: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self { read: Box::new(read), problems: Vec::new() }
    }

    /// A setting that may be left out. An empty one counts as left out.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.read)(name).filter(|value| !value.is_empty())
    }

    /// A setting that must be there.
    pub fn text(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problem(format!("{name} is not set"));
            String::new()
        })
    }

    /// Notes what is wrong, once: several parts of a function may read the same setting.
    fn problem(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// A setting that may be left out and must be well-formed otherwise. What is wrong with it is told in the words of
    /// the type's own error, so this is not for secrets.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let parsed = self.optional(name)?.parse();
        parsed.map_err(|error| self.problem(format!("{name} is malformed: {error}"))).ok()
    }

    /// A secret of at least `fewest` characters. Its value appears in no message.
    pub fn secret(&mut self, name: &str, fewest: usize) -> SecretString {
        let value = self.text(name);
        if !value.is_empty() && value.chars().count() < fewest {
            self.problem(format!("{name} has fewer than {fewest} characters"));
        }
        value.into()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All settings that are missing or malformed, by name.
    pub fn finish(self) -> Result<(), SettingsError> {
        if self.problems.is_empty() { Ok(()) } else { Err(SettingsError { problems: self.problems }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_named_at_once_and_no_values() {
        let mut environment = Environment::from_fn(|name| (name == "KEY").then(|| "short".to_owned()));
        environment.text("A_TABLE");
        environment.text("B_TABLE");
        environment.secret("KEY", 32);
        let message = environment.finish().unwrap_err().to_string();
        assert!(message.contains("A_TABLE is not set; B_TABLE is not set; KEY has fewer than 32"), "{message}");
        assert!(!message.contains("short"), "{message}");
    }

    #[test]
    fn a_malformed_setting_is_named_and_one_that_is_left_out_is_not() {
        let mut environment = Environment::from_fn(|name| (name == "COUNT").then(|| "many".to_owned()));
        assert_eq!(environment.parsed::<u32>("COUNT"), None);
        assert_eq!(environment.parsed::<u32>("ABSENT"), None);
        let message = environment.finish().unwrap_err().to_string();
        assert!(message.contains("COUNT is malformed: invalid digit found in string. Set"), "{message}");
    }
}
