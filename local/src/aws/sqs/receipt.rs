//! Receipt handles: which message of which queue was received when. Clients must not look inside.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a receipt handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The message's place in its queue.
    pub(super) place: u64,
    /// Which time it was received.
    pub(super) receive: u64,
}

impl Receipt {
    pub(super) fn handle(self, queue: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}:{queue}", self.place, self.receive))
    }

    /// The receipt that `handle` stands for in `queue`, if it is one.
    pub(super) fn parse(handle: &str, queue: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
        let (place, rest) = text.split_once(':')?;
        let (receive, name) = rest.split_once(':')?;
        if name != queue {
            return None;
        }
        Some(Self { place: place.parse().ok()?, receive: receive.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_belongs_to_its_queue() {
        let receipt = Receipt { place: 7, receive: 2 };
        let handle = receipt.handle("Jobs");
        assert_eq!(Receipt::parse(&handle, "Jobs"), Some(receipt));
        assert_eq!(Receipt::parse(&handle, "Other"), None);
        for other in ["", "abc", "?", &URL_SAFE_NO_PAD.encode("1:Jobs"), &URL_SAFE_NO_PAD.encode("x:1:Jobs")] {
            assert_eq!(Receipt::parse(other, "Jobs"), None, "{other}");
        }
    }
}
