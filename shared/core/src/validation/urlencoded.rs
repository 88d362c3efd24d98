//! Query strings and forms (`application/x-www-form-urlencoded`), as Python's `urllib.parse.parse_qsl` reads them.

use super::{Input, Model};

/// The pairs of a query string or form, decoded. Encoded bytes that are not UTF-8 become U+FFFD, a `%` without two
/// hexadecimal digits stays as it is, and a key without `=` has an empty value.
pub fn parse(text: &[u8]) -> Vec<(String, String)> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let mut next = || decode(parts.next().unwrap_or_default());
            (next(), next())
        })
        .collect()
}

/// Decodes runs of ASCII for themselves. Other bytes stand for the Latin-1 characters that Starlette takes them for.
fn decode(encoded: &[u8]) -> String {
    let mut text = String::with_capacity(encoded.len());
    for run in encoded.chunk_by(|left, right| left.is_ascii() == right.is_ascii()) {
        if run.first().is_some_and(u8::is_ascii) {
            push_decoded(run, &mut text);
        } else {
            text.extend(run.iter().copied().map(char::from));
        }
    }
    text
}

fn push_decoded(encoded: &[u8], text: &mut String) {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, tail @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = tail;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => first,
        });
    }
    text.push_str(&String::from_utf8_lossy(&bytes));
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The parameters of a model as an object: of a repeated key the last value, or all for a field that takes a list.
pub fn query<T: Model>(pairs: &[(String, String)]) -> Input {
    object::<T, _>(pairs, |value| Input::text(value.as_str()), |_| true)
}

/// The fields of a form as an object. As in FastAPI, an empty text counts as not sent.
pub fn form<T: Model>(pairs: &[(String, Input)]) -> Input {
    object::<T, _>(pairs, Input::clone, |value| !matches!(value, Input::String(text) if text.is_empty()))
}

fn object<T: Model, V>(pairs: &[(String, V)], input: fn(&V) -> Input, sent: fn(&V) -> bool) -> Input {
    Input::object(T::FIELDS.iter().filter_map(|field| {
        let mut values = pairs.iter().filter(|(key, _)| key == field.name).map(|(_, value)| value);
        let input = if field.repeated {
            let all: Vec<_> = values.map(input).collect();
            (!all.is_empty()).then_some(Input::Array(all))
        } else {
            values.next_back().filter(|value| sent(value)).map(input)
        };
        Some((field.name.to_owned(), input?))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn pairs_are_decoded_as_in_python() {
        assert_eq!(parse(b"a=1&&b=x+y%20z&"), [pair("a", "1"), pair("b", "x y z")]);
        assert_eq!(parse(b"%73kip=x&flag&q=a%3Db=c"), [pair("skip", "x"), pair("flag", ""), pair("q", "a=b=c")]);
        assert_eq!(parse(b"q=%zz%4&u=%FF%C3%A9"), [pair("q", "%zz%4"), pair("u", "\u{FFFD}é")]);
        assert_eq!(parse(b"a=b;c=d"), [pair("a", "b;c=d")]);
        assert_eq!(parse("a=é%C3%A9".as_bytes()), [pair("a", "Ã©é")]);
    }
}
