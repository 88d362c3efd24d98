//! YAML as templates use it: every node knows its line, and intrinsic functions are calls in both of their
//! forms (`!Ref X` and `Ref: X`).

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::Fault;

/// A node of the document.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// The text as written. `plain` is true for unquoted text, which may mean a number, a boolean or null.
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
    /// An intrinsic function by its full name: `Ref`, `Fn::GetAtt`, `Fn::Sub`, …
    Call {
        function: String,
        argument: Box<Node>,
    },
}

/// An entry of a mapping.
pub(crate) type Entry = (Key, Node);

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Node {
    /// The value of `key`, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|(name, _)| name.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The entries of a mapping; `what` names it in the message otherwise. Null counts as an empty mapping.
    pub(crate) fn entries(&self, what: &str) -> Result<&[Entry], Fault> {
        match &self.value {
            Value::Mapping(entries) => Ok(entries),
            Value::Scalar { text, plain: true } if text.is_empty() => Ok(&[]),
            _ => Err(Fault::at(self.line, format!("{what} must be a mapping"))),
        }
    }

    /// The text of a scalar.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Reads the first document of `text`.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    let mut reader = Reader { parser: Parser::new_from_str(text) };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd | Event::DocumentEnd, line) => return Err(Fault::at(line, "the document is empty")),
            (event, line) => return reader.node(event, line),
        }
    }
}

struct Reader<'input> {
    parser: Parser<'input, StrInput<'input>>,
}

impl<'input> Reader<'input> {
    fn next(&mut self) -> Result<(Event<'input>, usize), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(syntax_error(&error)),
            None => Err(Fault::at(0, "the document ends early")),
        }
    }

    fn node(&mut self, event: Event<'input>, line: usize) -> Result<Node, Fault> {
        let (value, tag) = match event {
            Event::Scalar(text, style, _, tag) => {
                (Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }, tag)
            }
            Event::SequenceStart(_, tag) => (self.sequence()?, tag),
            Event::MappingStart(_, tag) => (self.mapping()?, tag),
            Event::Alias(_) => return Err(Fault::at(line, "CloudFormation does not support YAML aliases")),
            other => return Err(Fault::at(line, format!("unexpected {other:?}"))),
        };
        Ok(Node { line, value: with_call(line, value, tag.as_deref()) })
    }

    fn sequence(&mut self) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Sequence(items)),
                (event, line) => items.push(self.node(event, line)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, Fault> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Mapping(entries)),
                (Event::Scalar(text, ..), line) => Key { line, text: text.into_owned() },
                (_, line) => return Err(Fault::at(line, "a key must be plain text")),
            };
            if !seen.insert(key.text.clone()) {
                return Err(Fault::at(key.line, format!("`{}` is given twice", key.text)));
            }
            let (event, line) = self.next()?;
            let node = self.node(event, line)?;
            entries.push((key, node));
        }
    }
}

/// Turns `!Sub …` and `{Fn::Sub: …}` into the same call.
fn with_call(line: usize, value: Value, tag: Option<&Tag>) -> Value {
    if let Some(tag) = tag.filter(|tag| tag.handle == "!") {
        let function = match tag.suffix.as_str() {
            bare @ ("Ref" | "Condition") => bare.to_owned(),
            suffix => format!("Fn::{suffix}"),
        };
        return Value::Call { function, argument: Box::new(Node { line, value }) };
    }
    match value {
        Value::Mapping(mut entries) if is_long_call(&entries) => match entries.pop() {
            Some((key, argument)) => Value::Call { function: key.text, argument: Box::new(argument) },
            None => Value::Mapping(entries),
        },
        other => other,
    }
}

fn is_long_call(entries: &[Entry]) -> bool {
    matches!(entries, [(key, _)] if key.text == "Ref" || key.text.starts_with("Fn::"))
}

fn syntax_error(error: &ScanError) -> Fault {
    Fault::at(error.marker().line(), format!("not valid YAML: {}", error.info()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        parse(text).expect_err("the document has a fault")
    }

    #[test]
    fn nodes_know_their_lines() {
        let root = parse("A: 1\nB:\n  C: [x,\n    y]\n").unwrap();
        let Value::Sequence(list) = &root.get("B").and_then(|b| b.get("C")).unwrap().value else {
            panic!("not a list")
        };
        assert_eq!(list.iter().map(|node| node.line).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn both_forms_of_an_intrinsic_are_the_same_call() {
        for text in ["X: !Sub 'a ${B}'", "X: { 'Fn::Sub': 'a ${B}' }"] {
            let root = parse(text).unwrap();
            let Value::Call { function, argument } = &root.get("X").unwrap().value else { panic!("not a call") };
            assert_eq!((function.as_str(), argument.scalar()), ("Fn::Sub", Some("a ${B}")));
        }
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let fault = fault("A: 1\nB: [1, 2\nC: 3\n");
        assert!(fault.line >= 2, "{fault:?}");
        assert!(fault.message.starts_with("not valid YAML"), "{fault:?}");
    }

    #[test]
    fn a_key_given_twice_names_the_second() {
        let fault = fault("A: 1\nB: 2\nA: 3\n");
        assert_eq!((fault.line, fault.message.as_str()), (3, "`A` is given twice"));
    }

    #[test]
    fn an_empty_document_is_a_fault() {
        assert_eq!(fault("# nothing\n").message, "the document is empty");
    }
}
