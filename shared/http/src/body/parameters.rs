//! Header fields of the form `value; name=text; name="text"`, read as python-multipart reads them.

/// The value before the first `;`, in lower case, and the parameters behind it, names in lower case. Of a repeated
/// parameter the last one counts.
pub(super) struct Parameterised {
    pub(super) value: Vec<u8>,
    parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Parameterised {
    pub(super) fn parse(field: &[u8]) -> Self {
        let mut segments = split(field).into_iter();
        let value = trimmed(segments.next().unwrap_or_default()).to_ascii_lowercase();
        let parameters = segments.filter_map(parameter).collect();
        Self { value, parameters }
    }

    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.parameters.iter().rfind(|(key, _)| key == name.as_bytes()).map(|(_, value)| value.as_slice())
    }
}

/// Splits at each `;` that is not behind an open quote.
fn split(field: &[u8]) -> Vec<&[u8]> {
    let mut segments = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in field.iter().enumerate() {
        match byte {
            b';' if !quoted => {
                segments.push(field.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            b'"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = *byte == b'\\';
    }
    segments.push(field.get(start..).unwrap_or_default());
    segments
}

/// A parameter's name and text. Those in the extended notation of RFC 8187 (`name*=…`) are passed over, because RFC
/// 7578 section 4.2 forbids them in forms.
fn parameter(segment: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut halves = segment.splitn(2, |byte| *byte == b'=');
    let name = trimmed(halves.next().unwrap_or_default()).to_ascii_lowercase();
    let text = trimmed(halves.next().unwrap_or_default());
    let text = match text {
        [b'"', inner @ .., b'"'] => unescaped(inner),
        _ => text.to_vec(),
    };
    (!name.contains(&b'*')).then_some((name, text))
}

/// Without the spaces and tabs around it.
fn trimmed(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

/// The text of a quoted string: `\\` and `\"` stand for their second characters.
fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some((&first, tail)) = rest.split_first() {
        rest = if let (b'\\', [second @ (b'\\' | b'"'), tail @ ..]) = (first, tail) {
            text.push(*second);
            tail
        } else {
            text.push(first);
            tail
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str, name: &str) -> Option<String> {
        Parameterised::parse(field.as_bytes()).get(name).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    #[test]
    fn parameters_are_read_quoted_or_not() {
        assert_eq!(Parameterised::parse(b" Form-Data ").value, b"form-data");
        assert_eq!(read("form-data; NAME = a ;x=y", "name").as_deref(), Some("a"));
        assert_eq!(read(r#"form-data; name="a;b\"c\\d"; x=y"#, "name").as_deref(), Some(r#"a;b"c\d"#));
        assert_eq!(read("form-data; name=a; name=b", "name").as_deref(), Some("b"));
        assert_eq!(read("form-data; name*=utf-8''a", "name"), None);
        assert_eq!(read("form-data; name", "name").as_deref(), Some(""));
    }

    #[test]
    fn a_quote_that_nothing_closes_hides_the_rest() {
        assert_eq!(read(r#"form-data; x="a; name=b"#, "name"), None);
    }
}
