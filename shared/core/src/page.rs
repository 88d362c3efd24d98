//! Pages of lists, and the cursors that lead from one to the next.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::SecretString;

use crate::seal;

/// A page that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Most entries of the page.
    pub limit: usize,
    /// How many entries to pass over first. Each costs as much as one that is shown.
    pub skip: usize,
    /// Where the page before ended, if there was one.
    pub after: Option<Position>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Where the next page starts, if there may be more.
    pub next: Option<Next>,
}

/// Where the next page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The place in the list that has been read up to.
    pub after: Position,
    /// How many entries are still to be passed over, because a filtered page ended before it had passed over all.
    pub skip: usize,
}

/// A place in a list: the sort key of the last row that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position(pub String);

/// Seals positions into cursors and opens them again. A cursor is opaque and can't be forged, nor used on another list.
#[derive(Debug)]
pub struct Cursors {
    key: hmac::Key,
}

/// The cursor was not made here, or not for this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor does not belong to this list")]
pub struct ForeignCursor;

/// Bytes of the authentication tag: 128 bits, more than anybody can guess.
const TAG_LENGTH: usize = 16;

impl Cursors {
    /// Cursors that a key derived from `secret` authenticates.
    pub fn new(secret: &SecretString) -> Self {
        Self { key: seal::key_for("cursors", secret) }
    }

    /// The cursor for a position in the list of this name.
    pub fn seal(&self, list: &str, position: &Position) -> String {
        let tag = self.tag(list, &position.0);
        let mut sealed = tag.as_ref().get(..TAG_LENGTH).unwrap_or_default().to_vec();
        sealed.extend_from_slice(position.0.as_bytes());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The position that a cursor of the list of this name stands for.
    ///
    /// # Errors
    /// [`ForeignCursor`], whatever is wrong with it.
    pub fn open(&self, list: &str, cursor: &str) -> Result<Position, ForeignCursor> {
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| ForeignCursor)?;
        let (tag, position) = sealed.split_at_checked(TAG_LENGTH).ok_or(ForeignCursor)?;
        let position = str::from_utf8(position).map_err(|_| ForeignCursor)?;
        let expected = self.tag(list, position);
        // `hmac::verify` takes whole tags only, so the truncated one is compared here, in constant time as well.
        let differing = expected.as_ref().iter().zip(tag).fold(0, |bits, (left, right)| bits | (left ^ right));
        if differing == 0 { Ok(Position(position.to_owned())) } else { Err(ForeignCursor) }
    }

    fn tag(&self, list: &str, position: &str) -> hmac::Tag {
        // The length in front keeps a list's name and a position from running into each other.
        hmac::sign(&self.key, format!("{}:{list}{position}", list.len()).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursors(secret: &str) -> Cursors {
        Cursors::new(&secret.into())
    }

    proptest! {
        #[test]
        fn a_cursor_leads_back_to_its_position_in_its_list_only(list: String, other: String, position: String) {
            let cursor = cursors("a").seal(&list, &Position(position.clone()));
            prop_assert_eq!(cursors("a").open(&list, &cursor), Ok(Position(position)));
            prop_assert_eq!(cursors("b").open(&list, &cursor), Err(ForeignCursor));
            if other != list {
                prop_assert_eq!(cursors("a").open(&other, &cursor), Err(ForeignCursor));
            }
        }

        #[test]
        fn no_text_is_taken_for_a_cursor(text: String) {
            prop_assert_eq!(cursors("a").open("items", &text), Err(ForeignCursor));
        }

        #[test]
        fn a_changed_cursor_is_refused(position in "[a-z0-9-]{1,40}", at in 0_usize..30) {
            let mut cursor = cursors("a").seal("items", &Position(position)).into_bytes();
            let at = at % cursor.len();
            cursor[at] = if cursor[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(cursor).unwrap();
            prop_assert_eq!(cursors("a").open("items", &changed), Err(ForeignCursor));
        }
    }
}
