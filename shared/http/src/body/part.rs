//! Parts of a multipart form, and what can be wrong with one.

use axum::body::Bytes;

/// Why a form can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormError {
    Malformed,
    NoBoundary,
    NoName,
    TooManyFields,
    TooManyFiles,
    TextTooLong,
}

impl FormError {
    /// Starlette's sentence.
    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::Malformed => "Invalid multipart data.",
            Self::NoBoundary => "Missing boundary in multipart.",
            Self::NoName => "The Content-Disposition header field \"name\" must be provided.",
            Self::TooManyFields => "Too many fields. Maximum number of fields is 1000.",
            Self::TooManyFiles => "Too many files. Maximum number of files is 1000.",
            Self::TextTooLong => "Part exceeded maximum size of 1024KB.",
        }
    }
}

/// A part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    /// For a file: what it was called, and the part's header fields, names in lower case.
    pub(super) file: Option<FileHeader>,
    pub(super) content: Bytes,
    pub(super) charset: Charset,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) name: String,
    pub(super) fields: Vec<(String, String)>,
}

impl Part {
    /// The content as text, in the form's charset.
    pub(super) fn text(&self) -> String {
        self.charset.decode(&self.content)
    }
}

/// What a form's texts are written in. What can't be read so is taken for Latin-1, in which everything can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Latin1,
}

impl Charset {
    pub(super) fn named(name: &[u8]) -> Self {
        let plain: Vec<u8> =
            name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
        // ASCII is a part of both, and what is not ASCII then falls back to Latin-1.
        if matches!(plain.as_slice(), b"utf8" | b"u8" | b"utf" | b"cp65001") { Self::Utf8 } else { Self::Latin1 }
    }

    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match str::from_utf8(bytes) {
            Ok(text) if self == Self::Utf8 => text.to_owned(),
            _ => latin1(bytes),
        }
    }
}

pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
