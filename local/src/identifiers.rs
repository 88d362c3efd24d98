//! Identifiers in the forms that AWS gives them. They tell things apart; nothing is protected by them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use uuid::Builder;

use crate::ambient;

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The secrets of the start would have failed if the system had no randomness.
    let _ = ambient::fill(&mut bytes);
    bytes
}

/// Of an invocation, a message or an event: a UUID.
pub(crate) fn unique() -> String {
    Builder::from_random_bytes(random()).into_uuid().to_string()
}

/// Of a request through the gateway: `JKJaXmPLvHcESHA=`.
pub(crate) fn gateway_request() -> String {
    STANDARD.encode(random::<11>())
}

/// Of an X-Ray trace that begins at `epoch_seconds`.
///
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids>
pub(crate) fn trace(epoch_seconds: i64) -> String {
    let hex = u128::from_be_bytes(random()) >> 32;
    format!("Root=1-{epoch_seconds:08x}-{hex:024x}")
}

/// Of a mail that SES accepted at `time`, or of what became of it: region, milliseconds, a UUID and a counter.
pub(crate) fn mail(time: Timestamp) -> String {
    format!("0100{:012x}-{}-000000", time.as_millisecond(), unique())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_their_forms() {
        assert_eq!(unique().len(), 36);
        assert_eq!(gateway_request().len(), 16);
        let mail = mail(Timestamp::UNIX_EPOCH);
        assert!(mail.len() == 60 && mail.starts_with("0100000000000000-"), "{mail}");
        let trace = trace(0x6740_0000);
        assert_eq!((trace.len(), trace.split('-').count()), (40, 3), "{trace}");
    }
}
