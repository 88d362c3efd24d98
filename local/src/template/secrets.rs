//! `AWS::SecretsManager::Secret`: which password a deployment generates.

use super::yaml::Node;
use super::{ACCOUNT, Fault, REGION, Resource};

/// Secrets Manager's default.
const DEFAULT_LENGTH: usize = 32;

/// What Secrets Manager counts as punctuation.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// A secret that is generated: its length, and the kinds of characters that it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSpec {
    logical_id: String,
    length: usize,
    kinds: Vec<Vec<char>>,
    one_of_each_kind: bool,
}

impl SecretSpec {
    /// The resource's key in the template.
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// How many characters the secret has.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The characters to choose from, by kind: lower case, upper case, digits, punctuation, space, as far as allowed.
    pub fn kinds(&self) -> &[Vec<char>] {
        &self.kinds
    }

    /// Whether at least one character of every kind must occur.
    pub fn one_of_each_kind(&self) -> bool {
        self.one_of_each_kind
    }
}

pub(super) fn arn(logical_id: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{logical_id}")
}

pub(super) fn read(resource: &Resource<'_>) -> Result<SecretSpec, Fault> {
    let settings = resource.property("GenerateSecretString").ok_or_else(|| {
        let message = format!("`{}`: the local cloud generates secrets only (GenerateSecretString)", resource.id);
        Fault::at(resource.line, message)
    })?;

    let mut spec = SecretSpec {
        logical_id: resource.id.to_owned(),
        length: DEFAULT_LENGTH,
        kinds: Vec::new(),
        one_of_each_kind: true,
    };
    let (mut lower, mut upper, mut digits, mut punctuation, mut space) = (true, true, true, true, false);
    let mut excluded = "";
    for (key, node) in settings.entries("GenerateSecretString")? {
        match key.text.as_str() {
            "PasswordLength" => spec.length = length(node)?,
            "RequireEachIncludedType" => spec.one_of_each_kind = flag(node)?,
            "ExcludeLowercase" => lower = !flag(node)?,
            "ExcludeUppercase" => upper = !flag(node)?,
            "ExcludeNumbers" => digits = !flag(node)?,
            "ExcludePunctuation" => punctuation = !flag(node)?,
            "IncludeSpace" => space = flag(node)?,
            "ExcludeCharacters" => {
                excluded = node.scalar().ok_or_else(|| Fault::at(node.line, "`ExcludeCharacters` must be text"))?;
            }
            other => {
                let message = format!("the local cloud does not support `{other}` of GenerateSecretString");
                return Err(Fault::at(key.line, message));
            }
        }
    }

    let kinds: [(bool, &mut dyn Iterator<Item = char>); 5] = [
        (lower, &mut ('a'..='z')),
        (upper, &mut ('A'..='Z')),
        (digits, &mut ('0'..='9')),
        (punctuation, &mut PUNCTUATION.chars()),
        (space, &mut std::iter::once(' ')),
    ];
    for (allowed, characters) in kinds {
        let characters: Vec<char> = characters.filter(|c| allowed && !excluded.contains(*c)).collect();
        if !characters.is_empty() {
            spec.kinds.push(characters);
        }
    }
    if spec.kinds.is_empty() || (spec.one_of_each_kind && spec.kinds.len() > spec.length) {
        let message = format!("`{}`: no password fits GenerateSecretString", resource.id);
        return Err(Fault::at(settings.line, message));
    }
    Ok(spec)
}

fn length(node: &Node) -> Result<usize, Fault> {
    node.scalar()
        .and_then(|text| text.parse().ok())
        .filter(|length| (1..=4096).contains(length))
        .ok_or_else(|| Fault::at(node.line, "`PasswordLength` must be a number from 1 to 4096"))
}

fn flag(node: &Node) -> Result<bool, Fault> {
    match node.scalar() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(Fault::at(node.line, "this must be true or false")),
    }
}
