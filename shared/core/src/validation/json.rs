//! JSON as Python's `json` module reads it, since that is what a FastAPI client has met: the same encodings, the same
//! liberties (`NaN`, lone surrogates), the same error texts at the same character positions. Nesting is limited.

use indexmap::IndexMap;

use super::encoding::{Decoded, decode};
use super::{Input, Number};

/// Deepest nesting that is read. Python's own limit depends on its stack.
pub const MAX_DEPTH: usize = 128;

/// Most digits of an integer, Python's `sys.int_info.default_max_str_digits`.
const MAX_INTEGER_DIGITS: usize = 4300;

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// The syntax is wrong at this character (not byte) position; the message is Python's.
    Syntax {
        /// Python's words, for instance `Expecting value`.
        message: &'static str,
        /// Characters before the fault.
        position: usize,
    },
    /// Not text in UTF-8, UTF-16 or UTF-32, deeper than [`MAX_DEPTH`], or an integer of more digits than Python reads.
    Unreadable,
}

/// Reads one document.
///
/// # Errors
/// See [`JsonError`].
pub fn parse(bytes: &[u8]) -> Result<Input, JsonError> {
    let Decoded { text, ill_formed } = decode(bytes).ok_or(JsonError::Unreadable)?;
    let mut parser = Parser { text: &text, bytes: text.as_bytes(), at: 0, depth: 0 };
    parser.skip_whitespace();
    let value = parser.value()?;
    parser.skip_whitespace();
    if parser.at < parser.bytes.len() {
        return Err(parser.error("Extra data", parser.at));
    }
    if ill_formed { Err(JsonError::Unreadable) } else { Ok(value) }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Byte position of what is read next.
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn error(&self, message: &'static str, at: usize) -> JsonError {
        let position = self.text.get(..at).map_or(0, |before| before.chars().count());
        JsonError::Syntax { message, position }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Input, JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(Text::into_input),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for (literal, value) in [
                    ("null", Input::Null),
                    ("true", Input::Bool(true)),
                    ("false", Input::Bool(false)),
                    ("NaN", Input::Number(Number("NaN".into()))),
                    ("Infinity", Input::Number(Number("Infinity".into()))),
                ] {
                    if self.rest().starts_with(literal.as_bytes()) {
                        self.at += literal.len();
                        return Ok(value);
                    }
                }
                Err(self.error("Expecting value", self.at))
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Input, JsonError>) -> Result<Input, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError::Unreadable);
        }
        self.depth += 1;
        self.at += 1;
        self.skip_whitespace();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Input, JsonError> {
        let mut entries = IndexMap::new();
        if self.peek() != Some(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.error("Expecting property name enclosed in double quotes", self.at));
                }
                let key = self.string()?.characters;
                self.skip_whitespace();
                if self.peek() != Some(b':') {
                    return Err(self.error("Expecting ':' delimiter", self.at));
                }
                self.at += 1;
                self.skip_whitespace();
                let value = self.value()?;
                entries.insert(key, value);
                if !self.another(b'}')? {
                    break;
                }
            }
        }
        self.at += 1;
        Ok(Input::Object(Box::new(entries)))
    }

    fn array(&mut self) -> Result<Input, JsonError> {
        let mut items = Vec::new();
        if self.peek() != Some(b']') {
            loop {
                items.push(self.value()?);
                if !self.another(b']')? {
                    break;
                }
            }
        }
        self.at += 1;
        Ok(Input::Array(items))
    }

    /// After an element: whether another one follows (its comma is read) or the collection ends with `close`.
    fn another(&mut self, close: u8) -> Result<bool, JsonError> {
        self.skip_whitespace();
        match self.peek() {
            Some(byte) if byte == close => Ok(false),
            Some(b',') => {
                self.at += 1;
                self.skip_whitespace();
                Ok(true)
            }
            _ => Err(self.error("Expecting ',' delimiter", self.at)),
        }
    }

    fn number(&mut self) -> Result<Input, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
            if self.rest().starts_with(b"Infinity") {
                self.at += "Infinity".len();
                return Ok(Input::Number(Number("-Infinity".into())));
            }
        }
        let digits_start = self.at;
        match self.digits() {
            0 => return Err(self.error("Expecting value", start)),
            // A leading zero ends the number, as in the grammar: what follows is then out of place.
            digits if digits > 1 && self.bytes.get(self.at - digits) == Some(&b'0') => self.at -= digits - 1,
            _ => {}
        }
        let integer_digits = self.at - digits_start;
        let integer_end = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                self.at = integer_end;
            }
        }
        let fraction_end = self.at;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                self.at = fraction_end;
            }
        }
        if self.at == integer_end && integer_digits > MAX_INTEGER_DIGITS {
            return Err(JsonError::Unreadable);
        }
        Ok(Input::Number(Number(self.text.get(start..self.at).unwrap_or_default().to_owned())))
    }

    /// Skips decimal digits and says how many there were.
    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn string(&mut self) -> Result<Text, JsonError> {
        let opening = self.at;
        self.at += 1;
        let mut text = Text::default();
        loop {
            let chunk = self.rest().iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1F)).count();
            text.characters.push_str(self.text.get(self.at..self.at + chunk).unwrap_or_default());
            self.at += chunk;
            match self.peek() {
                None => return Err(self.error("Unterminated string starting at", opening)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape(opening)?),
                Some(_) => return Err(self.error("Invalid control character at", self.at)),
            }
        }
    }

    /// The character that an escape stands for, or `None` for a lone surrogate.
    fn escape(&mut self, opening: usize) -> Result<Option<char>, JsonError> {
        let backslash = self.at;
        let Some(kind) = self.bytes.get(backslash + 1) else {
            return Err(self.error("Unterminated string starting at", opening));
        };
        self.at += 2;
        Ok(Some(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.error("Invalid \\escape", backslash)),
        }))
    }

    fn unicode_escape(&mut self) -> Result<Option<char>, JsonError> {
        let high = self.hex4()?;
        // Python looks for the second half of a pair only where one could end before the text does.
        let is_high = (0xD800..0xDC00).contains(&high);
        if !is_high || !self.rest().starts_with(b"\\u") || self.rest().len() <= 6 {
            return Ok(char::from_u32(high));
        }
        let second = self.at;
        self.at += 2;
        let low = self.hex4()?;
        if !(0xDC00..0xE000).contains(&low) {
            self.at = second;
            return Ok(None);
        }
        Ok(char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)))
    }

    /// The four digits of `\uXXXX`, behind which the text must go on.
    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|_| self.bytes.len() > self.at + 4);
        let value = digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.error("Invalid \\uXXXX escape", self.at - 1))?;
        self.at += 4;
        Ok(value)
    }
}

/// The text of a string.
#[derive(Default)]
struct Text {
    characters: String,
    /// Whether U+FFFD stands in for a lone surrogate.
    ill_formed: bool,
}

impl Text {
    fn push(&mut self, character: Option<char>) {
        self.ill_formed |= character.is_none();
        self.characters.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    fn into_input(self) -> Input {
        if self.ill_formed { Input::IllFormed(self.characters) } else { Input::String(self.characters) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(document: &str) -> (&'static str, usize) {
        match parse(document.as_bytes()) {
            Err(JsonError::Syntax { message, position }) => (message, position),
            other => panic!("{document} was read as {other:?}"),
        }
    }

    #[test]
    fn faults_are_worded_and_placed_as_in_python() {
        assert_eq!(fault(r#"{"email": "a@example.com",}"#), ("Expecting property name enclosed in double quotes", 26));
        assert_eq!(fault(r#"{"a": 1} // x"#), ("Extra data", 9));
        assert_eq!(fault("{\"email\": \"a\nb\"}"), ("Invalid control character at", 12));
        assert_eq!(fault("hello"), ("Expecting value", 0));
        assert_eq!(fault(r#"{"age": .5}"#), ("Expecting value", 8));
        assert_eq!(fault(r#"{"age": 1"#), ("Expecting ',' delimiter", 9));
        assert_eq!(fault(r#"{"a" 1}"#), ("Expecting ':' delimiter", 5));
        assert_eq!(fault(r#"["abc"#), ("Unterminated string starting at", 1));
        assert_eq!(fault(r#"["é\q"]"#), ("Invalid \\escape", 3));
        assert_eq!(fault(r#"["\u12G4"]"#), ("Invalid \\uXXXX escape", 3));
        assert_eq!(fault(r#"["\u00e9"#), ("Invalid \\uXXXX escape", 3));
        assert_eq!(fault(r#"["\ud800\u12"]"#), ("Invalid \\uXXXX escape", 9));
        assert_eq!(fault("[1,]"), ("Expecting value", 3));
        assert_eq!(fault("01"), ("Extra data", 1));
        assert_eq!(fault("-"), ("Expecting value", 0));
        assert_eq!(fault("[1.]"), ("Expecting ',' delimiter", 2));
        assert_eq!(fault(""), ("Expecting value", 0));
    }

    #[test]
    fn numbers_keep_their_text() {
        let read = parse(b"[1.50, -0, 1E+2, 123456789012345678901234567890.5, NaN, -Infinity]").unwrap();
        let Input::Array(items) = read else { panic!("a list") };
        let texts: Vec<_> =
            items.iter().map(|item| if let Input::Number(n) = item { n.as_str() } else { "" }).collect();
        assert_eq!(texts, ["1.50", "-0", "1E+2", "123456789012345678901234567890.5", "NaN", "-Infinity"]);
    }

    #[test]
    fn of_a_repeated_key_the_last_value_counts_at_the_first_place() {
        let read = parse(br#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn utf_16_and_utf_32_are_recognised_with_and_without_a_byte_order_mark() {
        let expected = parse("{\"é\": 1}".as_bytes()).unwrap();
        let le16: Vec<u8> = "{\"é\": 1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be32: Vec<u8> = "{\"é\": 1}".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        assert_eq!(parse(&le16), Ok(expected.clone()));
        assert_eq!(parse(&[&[0xFF, 0xFE], &le16[..]].concat()), Ok(expected.clone()));
        assert_eq!(parse(&be32), Ok(expected.clone()));
        assert_eq!(parse(&[&[0xEF, 0xBB, 0xBF], "{\"é\": 1}".as_bytes()].concat()), Ok(expected));
    }

    #[test]
    fn what_is_too_deep_or_too_long_or_no_text_is_unreadable() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::Unreadable));
        assert_eq!(parse("[".repeat(1_000_000).as_bytes()), Err(JsonError::Unreadable));
        assert_eq!(parse("9".repeat(4301).as_bytes()), Err(JsonError::Unreadable));
        assert!(parse(format!("1.{}", "9".repeat(5000)).as_bytes()).is_ok());
        assert!(parse(format!("-{}", "9".repeat(4300)).as_bytes()).is_ok());
        assert_eq!(parse(b"\"\xFF\""), Err(JsonError::Unreadable));
        assert_eq!(parse(b"\"\0\0\xD8\"\0"), Err(JsonError::Unreadable));
    }

    #[test]
    fn a_lone_surrogate_is_ill_formed_text_and_a_pair_is_a_character() {
        assert_eq!(parse(br#""\ud83d\ude00""#), Ok(Input::text("😀")));
        assert_eq!(parse(br#""a\ud83d""#), Ok(Input::IllFormed("a\u{FFFD}".to_owned())));
        assert_eq!(parse(br#""\ud83d\u0041b""#), Ok(Input::IllFormed("\u{FFFD}Ab".to_owned())));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_serde_json_writes_is_read_back(text: String, number: i64, flag: bool) {
            let document = serde_json::json!({ "text": text, "list": [number, flag, null] });
            let read = parse(document.to_string().as_bytes()).unwrap();
            proptest::prop_assert_eq!(serde_json::to_value(&read).unwrap(), document);
        }
    }
}
