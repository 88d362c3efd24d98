//! UUIDs, with pydantic's words about what is none.

use uuid::Uuid;

use super::{Constraints, Context, Input, Report, Validate};

impl Validate for Uuid {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let Input::String(text) = input else {
            let message = "UUID input should be a string, bytes or UUID object";
            return report.fault("uuid_type", message, input, None);
        };
        // The URN prefix is known in lower case only.
        let parsed = if text.starts_with('U') { None } else { Self::parse_str(text).ok() };
        parsed.or_else(|| {
            let error = uuid_error(text);
            let context = Context::of("error", Input::text(error.as_str()));
            report.fault("uuid_parsing", format!("Input should be a valid UUID, {error}"), input, Some(context))
        })
    }
}

/// What is wrong with a text that is no UUID, in the words of the version of the `uuid` crate that pydantic has. That
/// one takes a character for the lowest byte of its number, which is why some letters of other scripts pass for digits.
fn uuid_error(text: &str) -> String {
    const GROUPS: [(usize, usize); 5] = [(0, 8), (9, 4), (14, 4), (19, 4), (24, 12)];
    if text.is_empty() || text.len() > 45 {
        return format!("invalid length: found {}", text.len());
    }
    let braced = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(|inner| (1, inner));
    let urn = text.strip_prefix("urn:uuid:").map(|rest| (9, rest));
    // What is as long as a hyphenated UUID is looked at as one, by itself; else what is around it counts.
    let (offset, digits, hyphenated) = match (text.len(), braced.or(urn)) {
        (36, _) => (0, text, true),
        (38 | 45, Some((_, inner))) if inner.len() == 36 => (0, inner, true),
        (_, Some((offset, inner))) => (offset, inner, true),
        _ => (0, text, false),
    };
    let text = if offset == 0 { digits } else { text };
    let mut hyphens = Vec::new();
    for (index, character) in digits.char_indices() {
        match (u32::from(character) & 0xFF) as u8 {
            b'-' => hyphens.push(index),
            byte if byte.is_ascii_hexdigit() => {}
            _ => return format!("invalid character: found `{character}` at {}", index + offset),
        }
    }
    if hyphens.is_empty() && !hyphenated {
        return format!("invalid length: found {}", text.len());
    }
    if hyphens.len() != 4 {
        return format!("invalid group count: expected 5, found {}", hyphens.len() + 1);
    }
    // The last group ends where the whole text does, whatever encloses it.
    let ends = hyphens.into_iter().map(Some).chain([None]);
    let wrong = GROUPS.into_iter().zip(ends).enumerate().find_map(|(group, ((start, expected), end))| {
        let found = end.unwrap_or(text.len()).saturating_sub(start);
        (found != expected || end.is_none()).then_some((group, expected, found))
    });
    let (group, expected, found) = wrong.unwrap_or_default();
    format!("invalid group length in group {group}: expected {expected}, found {found}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_worded_as_by_pydantic() {
        for (text, expected) in [
            ("", "invalid length: found 0"),
            ("12345678", "invalid length: found 8"),
            ("me", "invalid character: found `m` at 0"),
            ("{é}", "invalid character: found `é` at 1"),
            ("٣٣٣٣٣٣٣٣", "invalid length: found 16"),
            ("{}", "invalid group count: expected 5, found 1"),
            ("----", "invalid group length in group 0: expected 8, found 0"),
            ("12345678-1234-4234-82341-23456789012", "invalid group length in group 3: expected 4, found 5"),
            ("12345678-1234-4234-8234-12345678901", "invalid group length in group 4: expected 12, found 11"),
            ("{12345678-1234-4234-8234-12345678901}", "invalid group length in group 4: expected 12, found 13"),
            ("{12345678-1234-4234-82~34-12345679012}", "invalid character: found `~` at 21"),
            ("{12345678-234-4234-8234-23456789012}", "invalid character: found `{` at 0"),
            ("urn:uuid:12345678-1234-4234-8234-12345678901", "invalid group length in group 4: expected 12, found 20"),
            ("urn:uuid:12345678-123:-4234-8234-123456789012", "invalid character: found `:` at 12"),
        ] {
            assert_eq!(uuid_error(text), expected, "{text}");
        }
    }
}
