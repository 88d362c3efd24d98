//! Reads settings from the environment, and names all that is wrong with them at once.

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
            self.problems.push(format!("{name} is not set"));
            String::new()
        })
    }

    /// A secret of at least `fewest` characters. Its value appears in no message.
    pub fn secret(&mut self, name: &str, fewest: usize) -> SecretString {
        let value = self.text(name);
        if !value.is_empty() && value.chars().count() < fewest {
            self.problems.push(format!("{name} has fewer than {fewest} characters"));
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
}
