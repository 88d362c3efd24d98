//! What references and intrinsic functions of the template mean on this machine.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Number};

use super::yaml::{Entry, Node, Value};
use super::{ACCOUNT, Fault, Kind, REGION};

/// The intrinsic functions of a template. What the local cloud cannot evaluate may stand where it need not.
const INTRINSICS: &[&str] = &[
    "Condition",
    "Fn::And",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Equals",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Length",
    "Fn::Not",
    "Fn::Or",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
    "Fn::ToJsonString",
    "Fn::Transform",
    "Ref",
];

/// The names that a template may refer to.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Parameters with their defaults.
    pub(crate) parameters: BTreeMap<String, Option<String>>,
    pub(crate) resources: BTreeMap<String, Referent>,
}

/// What `!Ref` and `!GetAtt … .Arn` of a resource give. A resource without local existence has neither.
#[derive(Debug)]
pub(crate) struct Referent {
    pub(crate) kind: Kind,
    pub(crate) reference: Option<String>,
    pub(crate) arn: Option<String>,
}

impl Scope {
    /// Checks that everything below `node` refers to something that exists.
    pub(crate) fn check(&self, node: &Node) -> Result<(), Fault> {
        match &node.value {
            Value::Scalar { .. } => Ok(()),
            Value::Sequence(items) => items.iter().try_for_each(|item| self.check(item)),
            Value::Mapping(entries) => entries.iter().try_for_each(|(_, value)| self.check(value)),
            Value::Call { function, argument } => {
                self.check_call(node.line, function, argument)?;
                self.check(argument)
            }
        }
    }

    fn check_call(&self, line: usize, function: &str, argument: &Node) -> Result<(), Fault> {
        match function {
            "Ref" => self.check_name(line, argument.scalar().unwrap_or_default()),
            "Fn::GetAtt" => self.check_resource(line, &attribute_of(argument)?.0),
            "Fn::Sub" => {
                let (text, local) = substitution(argument)?;
                for piece in pieces(text, line)? {
                    if let Piece::Variable(name) = piece
                        && !local.iter().any(|(key, _)| key.text == name)
                    {
                        match name.split_once('.') {
                            Some((resource, _)) => self.check_resource(line, resource)?,
                            None => self.check_name(line, name)?,
                        }
                    }
                }
                Ok(())
            }
            known if INTRINSICS.contains(&known) => Ok(()),
            unknown => Err(Fault::at(line, format!("`{unknown}` is not an intrinsic function"))),
        }
    }

    fn check_name(&self, line: usize, name: &str) -> Result<(), Fault> {
        let known =
            name.starts_with("AWS::") || self.parameters.contains_key(name) || self.resources.contains_key(name);
        if known { Ok(()) } else { Err(Fault::at(line, format!("`{name}` is not a resource or parameter"))) }
    }

    fn check_resource(&self, line: usize, name: &str) -> Result<(), Fault> {
        if self.resources.contains_key(name) {
            Ok(())
        } else {
            Err(Fault::at(line, format!("`{name}` is not a resource")))
        }
    }

    /// Evaluates `node` to text.
    pub(crate) fn text(&self, node: &Node) -> Result<String, Fault> {
        match &node.value {
            Value::Scalar { text, .. } => Ok(text.clone()),
            Value::Call { function, argument } => self.call(node.line, function, argument),
            Value::Sequence(_) | Value::Mapping(_) => Err(Fault::at(node.line, "this must be text")),
        }
    }

    /// Evaluates `node`, the value of `name`, to a number.
    pub(crate) fn number(&self, node: &Node, name: &str, range: RangeInclusive<u32>) -> Result<u32, Fault> {
        match self.text(node)?.parse() {
            Ok(value) if range.contains(&value) => Ok(value),
            _ => {
                let message = format!("`{name}` must be a number from {} to {}", range.start(), range.end());
                Err(Fault::at(node.line, message))
            }
        }
    }

    /// Evaluates `node`, the value of `name`, to a boolean.
    pub(crate) fn flag(&self, node: &Node, name: &str) -> Result<bool, Fault> {
        match self.text(node)?.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Fault::at(node.line, format!("`{name}` must be true or false"))),
        }
    }

    /// Whether the template has the queue `name`.
    pub(crate) fn is_queue(&self, name: &str) -> bool {
        self.is(name, Kind::Queue)
    }

    /// Whether the template has the topic `name`.
    pub(crate) fn is_topic(&self, name: &str) -> bool {
        self.is(name, Kind::Topic)
    }

    fn is(&self, name: &str, kind: Kind) -> bool {
        self.resources.get(name).is_some_and(|referent| referent.kind == kind)
    }

    /// Evaluates `node` to JSON. Unquoted scalars become numbers, booleans and null where they look like it.
    pub(crate) fn json(&self, node: &Node) -> Result<serde_json::Value, Fault> {
        Ok(match &node.value {
            Value::Scalar { text, plain: true } => plain_scalar(text),
            Value::Scalar { text, plain: false } => text.as_str().into(),
            Value::Call { function, argument } => self.call(node.line, function, argument)?.into(),
            Value::Sequence(items) => items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?,
            Value::Mapping(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(key.text.clone(), self.json(value)?);
                }
                map.into()
            }
        })
    }

    fn call(&self, line: usize, function: &str, argument: &Node) -> Result<String, Fault> {
        match function {
            "Ref" => self.reference(line, argument.scalar().unwrap_or_default()),
            "Fn::GetAtt" => {
                let (resource, attribute) = attribute_of(argument)?;
                self.attribute(line, &resource, &attribute)
            }
            "Fn::Sub" => self.substitute(line, argument),
            other => Err(Fault::at(line, format!("the local cloud cannot evaluate `{other}` here"))),
        }
    }

    fn reference(&self, line: usize, name: &str) -> Result<String, Fault> {
        if let Some(value) = pseudo_parameter(name) {
            return Ok(value.to_owned());
        }
        if let Some(default) = self.parameters.get(name) {
            return default
                .clone()
                .ok_or_else(|| Fault::at(line, format!("the parameter `{name}` has no default to use locally")));
        }
        match self.resources.get(name) {
            Some(Referent { reference: Some(value), .. }) => Ok(value.clone()),
            Some(_) => Err(Fault::at(line, format!("`{name}` does not exist locally, so it cannot be referred to"))),
            None => Err(Fault::at(line, format!("`{name}` is not a resource or parameter"))),
        }
    }

    fn attribute(&self, line: usize, name: &str, attribute: &str) -> Result<String, Fault> {
        match self.resources.get(name) {
            Some(Referent { arn: Some(arn), .. }) if attribute == "Arn" => Ok(arn.clone()),
            Some(_) => Err(Fault::at(line, format!("the local cloud does not know `{name}.{attribute}`"))),
            None => Err(Fault::at(line, format!("`{name}` is not a resource"))),
        }
    }

    fn substitute(&self, line: usize, argument: &Node) -> Result<String, Fault> {
        let (text, local) = substitution(argument)?;
        let mut result = String::with_capacity(text.len());
        for piece in pieces(text, line)? {
            match piece {
                Piece::Literal(literal) => result.push_str(literal),
                Piece::Escaped(name) => {
                    result.push_str("${");
                    result.push_str(name);
                    result.push('}');
                }
                Piece::Variable(name) => {
                    let value = match local.iter().find(|(key, _)| key.text == name) {
                        Some((_, value)) => self.text(value)?,
                        None => match name.split_once('.') {
                            Some((resource, attribute)) => self.attribute(line, resource, attribute)?,
                            None => self.reference(line, name)?,
                        },
                    };
                    result.push_str(&value);
                }
            }
        }
        Ok(result)
    }
}

fn pseudo_parameter(name: &str) -> Option<&'static str> {
    match name {
        "AWS::AccountId" => Some(ACCOUNT),
        "AWS::Partition" => Some("aws"),
        "AWS::Region" => Some(REGION),
        "AWS::StackName" => Some("local"),
        "AWS::URLSuffix" => Some("amazonaws.com"),
        _ => None,
    }
}

/// `Resource.Attribute`, or the list form of the same.
fn attribute_of(argument: &Node) -> Result<(String, String), Fault> {
    let pair = match &argument.value {
        Value::Scalar { text, .. } => text.split_once('.').map(|(name, attribute)| (name.into(), attribute.into())),
        Value::Sequence(items) => match items.as_slice() {
            [name, attribute] => {
                name.scalar().zip(attribute.scalar()).map(|(name, attribute)| (name.into(), attribute.into()))
            }
            _ => None,
        },
        _ => None,
    };
    pair.ok_or_else(|| Fault::at(argument.line, "!GetAtt takes `Resource.Attribute`"))
}

/// The text of a `!Sub`, and the variables of its list form.
fn substitution(argument: &Node) -> Result<(&str, &[Entry]), Fault> {
    let fault = || Fault::at(argument.line, "!Sub takes a text, or a list of a text and a mapping");
    match &argument.value {
        Value::Scalar { text, .. } => Ok((text, &[])),
        Value::Sequence(items) => match items.as_slice() {
            [text, variables] => Ok((text.scalar().ok_or_else(fault)?, variables.entries("the variables of !Sub")?)),
            _ => Err(fault()),
        },
        _ => Err(fault()),
    }
}

enum Piece<'a> {
    Literal(&'a str),
    /// `${!Name}`, which stands for the text `${Name}`.
    Escaped(&'a str),
    Variable(&'a str),
}

fn pieces(text: &str, line: usize) -> Result<Vec<Piece<'_>>, Fault> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) =
            after.split_once('}').ok_or_else(|| Fault::at(line, "`${` without a closing `}` in !Sub"))?;
        pieces.push(Piece::Literal(before));
        pieces.push(name.strip_prefix('!').map_or(Piece::Variable(name.trim()), Piece::Escaped));
        rest = tail;
    }
    pieces.push(Piece::Literal(rest));
    Ok(pieces)
}

/// The YAML core schema, as far as JSON knows it.
fn plain_scalar(text: &str) -> serde_json::Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => serde_json::Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => text.parse::<Number>().map_or_else(|_| text.into(), Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::yaml::parse;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.parameters.insert("Email".into(), Some("a@example.com".into()));
        scope.parameters.insert("Domain".into(), None);
        scope.resources.insert(
            "Users".into(),
            Referent {
                kind: Kind::Table,
                reference: Some("Users".into()),
                arn: Some("arn:aws:dynamodb:x:1:table/Users".into()),
            },
        );
        let alarm = Referent { kind: Kind::AccountOnly, reference: None, arn: None };
        scope.resources.insert("Alarm".into(), alarm);
        scope
    }

    fn text(yaml: &str) -> Result<String, Fault> {
        scope().text(&parse(yaml).unwrap())
    }

    #[test]
    fn references_become_local_names() {
        assert_eq!(text("!Ref Users").unwrap(), "Users");
        assert_eq!(text("!Ref Email").unwrap(), "a@example.com");
        assert_eq!(text("!Ref AWS::Region").unwrap(), "us-east-1");
        assert_eq!(text("!GetAtt Users.Arn").unwrap(), "arn:aws:dynamodb:x:1:table/Users");
        assert_eq!(text("!GetAtt [Users, Arn]").unwrap(), "arn:aws:dynamodb:x:1:table/Users");
        assert_eq!(text("{ Ref: Users }").unwrap(), "Users");
    }

    #[test]
    fn sub_fills_variables_and_keeps_escaped_ones() {
        assert_eq!(
            text("!Sub '${Users.Arn}/index/list ${!Users} in ${AWS::Region}'").unwrap(),
            "arn:aws:dynamodb:x:1:table/Users/index/list ${Users} in us-east-1"
        );
        assert_eq!(text("!Sub ['${A}-${Email}', { A: !Ref Users }]").unwrap(), "Users-a@example.com");
    }

    #[test]
    fn what_cannot_be_evaluated_says_so() {
        assert!(text("!Ref Nobody").unwrap_err().message.contains("`Nobody` is not a resource or parameter"));
        assert!(text("!Ref Domain").unwrap_err().message.contains("has no default"));
        assert!(text("!Ref Alarm").unwrap_err().message.contains("does not exist locally"));
        assert!(text("!GetAtt Users.StreamArn").unwrap_err().message.contains("`Users.StreamArn`"));
        assert!(text("!If [a, b, c]").unwrap_err().message.contains("cannot evaluate `Fn::If`"));
        assert!(text("!Sub '${Users'").unwrap_err().message.contains("closing"));
    }

    #[test]
    fn the_check_finds_references_everywhere_with_their_line() {
        let node = parse("A:\n  - x: !If [Condition, !Ref Users, 1]\n  - y: !Sub '${Nobody.Arn}'\n").unwrap();
        let fault = scope().check(&node).unwrap_err();
        assert_eq!((fault.line, fault.message.as_str()), (3, "`Nobody` is not a resource"));
        let fault = scope().check(&parse("A: !Reff Users").unwrap()).unwrap_err();
        assert_eq!(fault.message, "`Fn::Reff` is not an intrinsic function");
    }

    #[test]
    fn json_types_unquoted_scalars() {
        let node = parse("{ a: true, b: 'true', c: 5, d: PAY_PER_REQUEST, e: !Ref Users, f: [~] }").unwrap();
        assert_eq!(
            scope().json(&node).unwrap(),
            serde_json::json!({"a": true, "b": "true", "c": 5, "d": "PAY_PER_REQUEST", "e": "Users", "f": [null]})
        );
    }
}
