//! Multipart forms (RFC 7578), read as Starlette and python-multipart read them: the same liberties, the same limits,
//! and the same sentences about what is wrong. A part that nothing ends does not count.

use axum::body::Bytes;

use super::parameters::Parameterised;
use super::part::{Charset, FileHeader, FormError, Part, latin1};

/// Most text fields, and most files, of a form.
pub(super) const MAX_PARTS: usize = 1000;
/// Largest text field, in bytes.
const MAX_TEXT: usize = 1024 * 1024;
/// Longest boundary. RFC 2046 section 5.1.1 allows 70 characters.
const MAX_BOUNDARY: usize = 256;
/// Most header fields of a part.
const MAX_HEADERS: usize = 8;
/// Longest header field of a part, in bytes.
const MAX_HEADER: usize = 4096 + 128;

/// The parts of a form whose `Content-Type` is `content_type`.
pub(super) fn parse(content_type: &Parameterised, body: &Bytes) -> Result<Vec<Part>, FormError> {
    let boundary = content_type.get("boundary").ok_or(FormError::NoBoundary)?;
    if boundary.len() > MAX_BOUNDARY {
        return Err(FormError::Malformed);
    }
    let charset = content_type.get("charset").map_or(Charset::Utf8, Charset::named);
    let delimiter = [b"\r\n--", boundary].concat();
    let mut reader = Reader { body, at: 0, delimiter: &delimiter, charset, texts: 0, files: 0 };
    let mut parts = Vec::new();
    if reader.skip_first_delimiter()? {
        while let Some((part, more)) = reader.part()? {
            parts.push(part);
            if !more {
                break;
            }
        }
    }
    Ok(parts)
}

/// Names in lower case, and values.
type HeaderFields = Vec<(String, Vec<u8>)>;

struct Reader<'a> {
    body: &'a Bytes,
    /// Position of what is read next.
    at: usize,
    /// The boundary with all that stands before it.
    delimiter: &'a [u8],
    charset: Charset,
    texts: usize,
    files: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    /// Goes on behind the first delimiter. Is `false` where there are no parts at all.
    fn skip_first_delimiter(&mut self) -> Result<bool, FormError> {
        if self.rest().starts_with(b"\r") || self.rest().starts_with(b"\n") {
            let Some(hyphen) = self.rest().iter().position(|byte| *byte == b'-') else { return Ok(false) };
            self.at += hyphen;
        }
        let first = self.delimiter.get(2..).unwrap_or_default();
        if !self.rest().starts_with(first) {
            // An end in the middle of it is no fault.
            return if first.starts_with(self.rest()) { Ok(false) } else { Err(FormError::Malformed) };
        }
        self.at += first.len();
        let more = match self.rest() {
            [b'\r', b'\n', ..] => true,
            [] | [b'\r' | b'-'] | [b'-', b'-', ..] => false,
            _ => return Err(FormError::Malformed),
        };
        self.at += 2;
        Ok(more)
    }

    /// The next part, and whether another one follows it. `None` if the body ends before the part does.
    fn part(&mut self) -> Result<Option<(Part, bool)>, FormError> {
        let Some(fields) = self.header_fields()? else { return Ok(None) };
        let disposition = fields.iter().rfind(|(name, _)| name == "content-disposition");
        let disposition = Parameterised::parse(disposition.map_or(&[], |(_, value)| value.as_slice()));
        let name = self.charset.decode(disposition.get("name").ok_or(FormError::NoName)?);
        let file = disposition.get("filename").map(|file_name| {
            let decoded = fields.iter().map(|(name, value)| (name.clone(), latin1(value)));
            FileHeader { name: self.charset.decode(without_folders(file_name)), fields: decoded.collect() }
        });
        let (count, error) = match file {
            Some(_) => (&mut self.files, FormError::TooManyFiles),
            None => (&mut self.texts, FormError::TooManyFields),
        };
        *count += 1;
        if *count > MAX_PARTS {
            return Err(error);
        }
        let start = self.at;
        let end = self.content_end()?;
        let (end, more) = end.map_or((self.body.len(), None), |(end, more)| (end, Some(more)));
        if file.is_none() && end - start > MAX_TEXT {
            return Err(FormError::TextTooLong);
        }
        let content = self.body.slice(start..end);
        Ok(more.map(|more| (Part { name, file, content, charset: self.charset }, more)))
    }

    /// The header fields of a part up to the empty line. `None` if the body ends before.
    fn header_fields(&mut self) -> Result<Option<HeaderFields>, FormError> {
        let mut fields = Vec::new();
        loop {
            match self.rest() {
                [b'\r', b'\n', ..] => {
                    self.at += 2;
                    return Ok(Some(fields));
                }
                [] | [b'\r'] => return Ok(None),
                _ if fields.len() == MAX_HEADERS => return Err(FormError::Malformed),
                rest => {
                    let name = rest.split(|byte| *byte == b':').next().unwrap_or_default();
                    let ended = name.len() == rest.len();
                    if !name.iter().all(|byte| is_token(*byte)) || (name.is_empty() && !ended) {
                        return Err(FormError::Malformed);
                    }
                    let line = rest.split(|byte| *byte == b'\r').next().unwrap_or_default();
                    if line.len() > MAX_HEADER {
                        return Err(FormError::Malformed);
                    }
                    let value = line.get(name.len() + 1..).unwrap_or_default();
                    let value = value.iter().position(|byte| *byte != b' ').and_then(|at| value.get(at..));
                    match rest.get(line.len()..) {
                        Some([b'\r', b'\n', ..]) => {
                            let name = latin1(name).to_ascii_lowercase();
                            fields.push((name, value.unwrap_or_default().to_vec()));
                            self.at += line.len() + 2;
                        }
                        Some([b'\r', _, ..]) => return Err(FormError::Malformed),
                        _ => return Ok(None),
                    }
                }
            }
        }
    }

    /// Where the content ends that begins here, and whether another part follows. `None` if nothing ends it.
    fn content_end(&mut self) -> Result<Option<(usize, bool)>, FormError> {
        while let Some(found) = find(self.rest(), self.delimiter) {
            let end = self.at + found;
            self.at = end + self.delimiter.len();
            match self.rest() {
                [b'\r', b'\n', ..] => {
                    self.at += 2;
                    return Ok(Some((end, true)));
                }
                [b'-', b'-', ..] => return Ok(Some((end, false))),
                // White space may follow the boundary (RFC 2046 section 5.1.1), and then only the end of the line.
                [b' ' | b'\t', ..] => {
                    let padding = self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                    self.at += padding;
                    return match self.rest() {
                        [b'\r', b'\n', ..] => {
                            self.at += 2;
                            Ok(Some((end, true)))
                        }
                        [] | [b'\r'] => Ok(None),
                        _ => Err(FormError::Malformed),
                    };
                }
                // Else it only looked like a delimiter.
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Old browsers sent the whole path of a file.
fn without_folders(file_name: &[u8]) -> &[u8] {
    let is_path = file_name.get(1..3) == Some(b":\\") || file_name.starts_with(b"\\\\");
    let last = file_name.rsplit(|byte| *byte == b'\\').next();
    if is_path { last.unwrap_or_default() } else { file_name }
}

/// A character of a header field's name (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<(String, String)>, FormError> {
        let content_type = Parameterised::parse(b"multipart/form-data; boundary=B");
        let parts = parse(&content_type, &Bytes::from(body.to_owned()))?;
        Ok(parts.iter().map(|part| (part.name.clone(), part.text())).collect())
    }

    fn field(name: &str, value: &str) -> String {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    #[test]
    fn a_part_counts_when_a_delimiter_ends_it() {
        let (a, b) = (field("a", "1"), field("b", "x\r\n--Bx\r\n--B-"));
        let both = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "x\r\n--Bx\r\n--B-".to_owned())];
        assert_eq!(read(&format!("{a}{b}--B--\r\n")), Ok(both.clone()));
        assert_eq!(read(&format!("\r\n{a}{b}--B--epilogue")), Ok(both.clone()));
        assert_eq!(read(&format!("{a}{b}")), Ok(both[..1].to_vec()));
        for none in ["", "--B", "--B--", "--B\r\n", "\r\n", &a] {
            assert_eq!(read(none), Ok(Vec::new()), "{none:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_starlettes_words() {
        assert_eq!(read("x"), Err(FormError::Malformed));
        assert_eq!(read("--B\r\nNo Token: x\r\n\r\n1\r\n--B--"), Err(FormError::Malformed));
        assert_eq!(read("--B\r\n\r\n1\r\n--B--"), Err(FormError::NoName));
        assert_eq!(read(&(field("a", "").repeat(1001) + "--B--")), Err(FormError::TooManyFields));
        assert_eq!(read(&(field("a", &"x".repeat(MAX_TEXT + 1)) + "--B--")), Err(FormError::TextTooLong));
        let file = "--B\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n\r\n";
        assert_eq!(read(&(file.repeat(1001) + "--B--")), Err(FormError::TooManyFiles));
        let unnamed = parse(&Parameterised::parse(b"multipart/form-data"), &Bytes::new());
        assert_eq!(unnamed, Err(FormError::NoBoundary));
    }
}
