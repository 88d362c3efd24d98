use unicode_normalization::UnicodeNormalization;

/// An email or a username in the form in which it is compared: Unicode NFC, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UniqueName(String);

impl UniqueName {
    /// The comparable form of an email or username.
    pub fn of(name: &str) -> Self {
        // By way of upper case, so that the two lower-case sigmas are one, and to that by way of lower case, so that
        // the two sharp s are; a change of case can leave NFC.
        let lower = name.nfc().flat_map(char::to_lowercase);
        Self(lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect())
    }

    /// The comparable form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_only_are_the_same() {
        for (one, other) in [
            ("Ann", "aNN"),
            ("J\u{30C}", "ǰ"),
            ("ΣΑΣ", "σας"),
            ("É", "e\u{301}"),
            ("STRASSE", "straße"),
            ("STRAẞE", "straße"),
        ] {
            assert_eq!(UniqueName::of(one), UniqueName::of(other), "{one} {other}");
        }
        assert_ne!(UniqueName::of("ann"), UniqueName::of("anna"));
    }

    #[test]
    fn the_comparable_form_of_every_character_is_its_own() {
        for character in '\0'..=char::MAX {
            let once = UniqueName::of(character.encode_utf8(&mut [0; 4]));
            assert_eq!(UniqueName::of(once.as_str()), once, "{character:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_comparable_form_is_its_own(name: String) {
            let once = UniqueName::of(&name);
            proptest::prop_assert_eq!(UniqueName::of(once.as_str()), once);
        }
    }
}
