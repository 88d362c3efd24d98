//! The encodings that Python's `json` module reads.

use std::borrow::Cow;

/// A document's text.
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    /// Whether U+FFFD stands in for lone surrogates of UTF-16: such a document is unreadable unless it is no JSON
    /// anyway.
    pub(super) ill_formed: bool,
}

impl<'a> Decoded<'a> {
    fn sound(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), ill_formed: false }
    }
}

/// Guesses the encoding from the first bytes as `json.detect_encoding` does, and decodes.
pub(super) fn decode(bytes: &[u8]) -> Option<Decoded<'_>> {
    match bytes {
        [0, 0, 0xFE, 0xFF, rest @ ..] => utf32(rest, u32::from_be_bytes),
        [0xFF, 0xFE, 0, 0, rest @ ..] => utf32(rest, u32::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => Some(Decoded::sound(str::from_utf8(rest).ok()?)),
        [0, 0, _, _, ..] => utf32(bytes, u32::from_be_bytes),
        [_, 0, 0, 0, ..] => utf32(bytes, u32::from_le_bytes),
        [0, _, _, _, ..] | [0, _] => utf16(bytes, u16::from_be_bytes),
        [_, 0, _, _, ..] | [_, 0] => utf16(bytes, u16::from_le_bytes),
        _ => Some(Decoded::sound(str::from_utf8(bytes).ok()?)),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Decoded<'static>> {
    let (units, rest) = bytes.as_chunks();
    let mut ill_formed = false;
    let characters = char::decode_utf16(units.iter().map(|pair| unit(*pair))).map(|character| {
        ill_formed |= character.is_err();
        character.unwrap_or(char::REPLACEMENT_CHARACTER)
    });
    let text: String = characters.collect();
    rest.is_empty().then_some(Decoded { text: Cow::Owned(text), ill_formed })
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> Option<Decoded<'static>> {
    let (units, rest) = bytes.as_chunks();
    let text: String = units.iter().map(|quad| char::from_u32(unit(*quad))).collect::<Option<_>>()?;
    rest.is_empty().then_some(Decoded::sound(text))
}
