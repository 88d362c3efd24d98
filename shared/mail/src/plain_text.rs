//! Other people's text, made safe to show.

/// The text with plain line feeds, without blank lines around it, and without characters that nobody sees but that
/// act on what is shown: controls, and those that turn the direction of the text around, by which a text can be made
/// to look like another one (Unicode Technical Report #36, section 2.5).
pub(crate) fn of(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                plain.push('\n');
            }
            // Vertical tab, form feed, next line, line separator and paragraph separator.
            '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => plain.push('\n'),
            '\n' | '\t' => plain.push(character),
            _ if character.is_control() || turns_direction(character) => {}
            _ => plain.push(character),
        }
    }
    plain.trim_matches('\n').trim_end().to_owned()
}

/// The same in one line.
pub(crate) fn line_of(text: &str) -> String {
    of(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Embeddings, overrides and isolates (Unicode Standard Annex #9, section 2). Marks stay: they act on themselves only.
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_of_line_break_is_one() {
        assert_eq!(of("a\r\nb\rc\nd\u{2028}e\u{85}f\r\r\ng"), "a\nb\nc\nd\ne\nf\n\ng");
    }

    #[test]
    fn what_acts_unseen_is_dropped_and_the_rest_kept() {
        assert_eq!(of("gpj.\u{202E}exe\u{2066}\0\u{1B}[31m\u{7F}\tá😀"), "gpj.exe[31m\tá😀");
        assert_eq!(of("\n\n  indented\n\n"), "  indented");
    }

    #[test]
    fn a_line_is_one() {
        assert_eq!(line_of(" Hello\r\nBcc: all@example.com\u{2028} x "), "Hello Bcc: all@example.com x");
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_control(text: String) {
            prop_assert!(!of(&text).contains(|c: char| turns_direction(c) || (c.is_control() && !"\n\t".contains(c))));
            prop_assert!(!line_of(&text).contains(char::is_control));
            prop_assert_eq!(of(&of(&text)), of(&text));
        }
    }
}
