//! The secrets that a deployment would generate, generated here.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::ambient;
use crate::error::StartError;
use crate::template::SecretSpec;

/// The values of the template's secrets, by logical id.
#[derive(Default)]
pub(crate) struct Secrets {
    values: BTreeMap<String, String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

impl Secrets {
    /// Secrets that are forgotten at the end.
    pub(crate) fn ephemeral(specs: &[SecretSpec]) -> Result<Self, StartError> {
        let mut values = BTreeMap::new();
        for spec in specs {
            values.insert(spec.logical_id().to_owned(), generate(spec, &mut fill)?);
        }
        Ok(Self { values })
    }

    /// Secrets that are kept in `folder`, one file each that only its owner can read.
    pub(crate) fn kept_in(folder: &Path, specs: &[SecretSpec]) -> Result<Self, StartError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(StartError::file(folder))?;
        let mut values = BTreeMap::new();
        for spec in specs {
            let path = folder.join(spec.logical_id());
            let value = match std::fs::read_to_string(&path) {
                Ok(value) => value,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let value = generate(spec, &mut fill)?;
                    write(folder, &path, &value).map_err(StartError::file(path))?;
                    value
                }
                Err(source) => return Err(StartError::File { path, source }),
            };
            values.insert(spec.logical_id().to_owned(), value);
        }
        Ok(Self { values })
    }

    /// The value of the secret with this logical id.
    pub(crate) fn get(&self, logical_id: &str) -> Option<&str> {
        self.values.get(logical_id).map(String::as_str)
    }
}

/// Writes the file whole or not at all: a secret that was cut short by a kill would stay wrong for ever.
fn write(folder: &Path, path: &Path, value: &str) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(value.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()
}

/// A source of random bytes.
type Fill<'a> = dyn FnMut(&mut [u8]) -> Result<(), StartError> + 'a;

fn fill(bytes: &mut [u8]) -> Result<(), StartError> {
    ambient::fill(bytes).map_err(|error| StartError::Randomness(error.to_string()))
}

/// Draws passwords until one has every kind of character that it must have. Drawing the whole again, instead of
/// replacing characters, keeps all passwords that fit equally likely.
fn generate(spec: &SecretSpec, fill: &mut Fill<'_>) -> Result<String, StartError> {
    let alphabet: Vec<char> = spec.kinds().concat();
    loop {
        let mut password = String::with_capacity(spec.length());
        for _ in 0..spec.length() {
            password.push(pick(&alphabet, fill)?);
        }
        let complete = spec.kinds().iter().all(|kind| password.contains(kind.as_slice()));
        if complete || !spec.one_of_each_kind() {
            return Ok(password);
        }
    }
}

/// One of at most 256 characters, each equally likely: bytes above the last whole multiple are thrown away.
fn pick(alphabet: &[char], fill: &mut Fill<'_>) -> Result<char, StartError> {
    let usable = 256 - 256 % alphabet.len();
    loop {
        let mut byte = [0];
        fill(&mut byte)?;
        let [byte] = byte.map(usize::from);
        if byte < usable
            && let Some(character) = alphabet.get(byte % alphabet.len())
        {
            return Ok(*character);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::template::Template;

    fn specs(settings: &str) -> Vec<SecretSpec> {
        let text = format!(
            "Resources:\n  Key:\n    Type: AWS::SecretsManager::Secret\n    Properties:\n      GenerateSecretString: {settings}\n"
        );
        Template::parse(&text, "template.yaml").unwrap().secrets().to_vec()
    }

    fn generated(settings: &str) -> String {
        Secrets::ephemeral(&specs(settings)).unwrap().get("Key").unwrap().to_owned()
    }

    #[test]
    fn a_password_has_the_length_and_characters_that_were_asked_for() {
        for _ in 0..50 {
            let password = generated("{ PasswordLength: 8, ExcludePunctuation: true, ExcludeCharacters: 0Ol }");
            assert_eq!(password.len(), 8);
            assert!(password.chars().all(|c| c.is_ascii_alphanumeric() && !"0Ol".contains(c)), "{password}");
            assert!(password.contains(|c: char| c.is_ascii_digit()), "{password}");
            assert!(password.contains(|c: char| c.is_ascii_lowercase()), "{password}");
            assert!(password.contains(|c: char| c.is_ascii_uppercase()), "{password}");
        }
        assert_eq!(generated("{}").len(), 32);
    }

    #[test]
    fn every_character_is_equally_likely() {
        let alphabet: Vec<char> = ('a'..='z').collect();
        let mut bytes = (0..=u8::MAX).cycle();
        let mut fill = |buffer: &mut [u8]| {
            buffer.iter_mut().zip(&mut bytes).for_each(|(slot, byte)| *slot = byte);
            Ok(())
        };
        let mut counts = BTreeMap::new();
        // 234 of the 256 byte values are usable, nine for each letter.
        for _ in 0..234 {
            *counts.entry(pick(&alphabet, &mut fill).unwrap()).or_insert(0) += 1;
        }
        assert!(counts.len() == 26 && counts.values().all(|count| *count == 9), "{counts:?}");
    }

    #[test]
    fn kept_secrets_stay_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("secrets");
        let first = Secrets::kept_in(&folder, &specs("{}")).unwrap();
        let second = Secrets::kept_in(&folder, &specs("{}")).unwrap();
        assert_eq!(first.get("Key"), second.get("Key"));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("Key"))), (0o700, 0o600));
    }

    #[test]
    fn debug_output_hides_values() {
        let secrets = Secrets::ephemeral(&specs("{}")).unwrap();
        assert_eq!(format!("{secrets:?}"), r#"{"Key"}"#);
    }
}
