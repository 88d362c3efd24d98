//! The second factor: one-time passwords by time (RFC 6238), and recovery codes for whoever has lost the device that
//! makes them.
//!
//! The algorithm is HMAC with SHA-1 from ring and the few lines of RFC 4226: the crates for it bring HMAC and SHA-1 of
//! another cryptography library along. Authenticator apps know these parameters and often no others.

mod sealed;

use jiff::Timestamp;
use ring::hmac;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::Serialize;
use url::form_urlencoded::byte_serialize;
use utoipa::ToSchema;

use crate::random::Random;
use data_encoding::BASE32_NOPAD;

pub use sealed::{RecoveryCodeHash, SecondFactorKeys};

/// How long a code holds, in seconds (RFC 6238 section 5.2).
const STEP_SECONDS: i64 = 30;
/// How many steps before and after the present one count too. The clock of a telephone may be off, and a code is typed
/// while time goes on; RFC 6238 section 5.2 allows one step for that. Each more would help whoever guesses.
const WINDOW: i64 = 1;
/// Digits of a code.
const DIGITS: usize = 6;
/// One more than the largest code.
const CODES: u32 = 1_000_000;
/// Bytes of a secret, as RFC 4226 section 4 recommends.
const SECRET_LENGTH: usize = 20;
/// Bytes of a recovery code: 120 bits, more than the 112 above which nobody can guess one from its hash (OWASP ASVS
/// 6.5.2).
const RECOVERY_LENGTH: usize = 15;
/// Characters of a group of a recovery code.
const GROUP: usize = 6;
/// Recovery codes that a user gets at once.
pub const RECOVERY_CODES: usize = 10;

/// What a user's device makes codes from. It can't be printed.
pub struct TotpSecret(SecretBox<[u8; SECRET_LENGTH]>);

impl TotpSecret {
    /// A new secret.
    pub fn new(random: &Random) -> Self {
        Self::from_bytes(random.bytes())
    }

    pub(crate) fn from_bytes(bytes: [u8; SECRET_LENGTH]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    fn as_bytes(&self) -> &[u8; SECRET_LENGTH] {
        self.0.expose_secret()
    }

    /// The secret as people type it: 32 characters of base32 (RFC 4648 section 6).
    fn to_base32(&self) -> SecretString {
        BASE32_NOPAD.encode(self.as_bytes()).into()
    }

    /// The secret as a code to scan holds it, in the form that authenticator apps have agreed on
    /// (<https://github.com/google/google-authenticator/wiki/Key-Uri-Format>).
    pub fn to_uri(&self, issuer: &str, account: &str) -> SecretString {
        // Apps read `%20`, and some take a plus sign for one.
        let escape = |text: &str| byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
        let (issuer, account, secret) = (escape(issuer), escape(account), self.to_base32());
        let secret = secret.expose_secret();
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}\
             &period={STEP_SECONDS}"
        )
        .into()
    }

    /// The step in which `code` is right at `now`: one of the window that is later than `used`, the last one that a
    /// code was taken for.
    pub fn step_of(&self, code: TotpCode, now: Timestamp, used: Option<i64>) -> Option<i64> {
        let present = now.as_second().div_euclid(STEP_SECONDS);
        let mut steps = (present - WINDOW..=present + WINDOW).filter(|step| used.is_none_or(|used| used < *step));
        steps.find(|step| self.code_of(*step) == Some(code))
    }

    /// The code of a step (RFC 4226 section 5.3).
    fn code_of(&self, step: i64) -> Option<TotpCode> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.as_bytes());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let (last, _) = tag.as_ref().split_last()?;
        let word = tag.as_ref().get(usize::from(last & 0xf)..)?.first_chunk()?;
        Some(TotpCode((u32::from_be_bytes(*word) & 0x7fff_ffff) % CODES))
    }
}

/// Six digits. It can't be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TotpCode(u32);

/// What is good for one sign-in in place of a code. It can't be printed.
pub struct RecoveryCode([u8; RECOVERY_LENGTH]);

/// What somebody types where a second factor is asked for.
pub enum OneTimePassword {
    /// What their device shows.
    Totp(TotpCode),
    /// What they have on paper.
    RecoveryCode(RecoveryCode),
}

impl RecoveryCode {
    /// A new code.
    pub fn new(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// The code as it is shown: four groups of base32.
    pub fn to_text(&self) -> SecretString {
        let characters: Vec<_> = BASE32_NOPAD.encode(&self.0).chars().collect();
        let groups: Vec<String> = characters.chunks(GROUP).map(|group| group.iter().collect()).collect();
        groups.join("-").into()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl OneTimePassword {
    /// Reads what was typed: six digits, or a recovery code in any case, with or without what separates its groups.
    /// `None` if it is neither.
    pub fn parse(typed: &SecretString) -> Option<Self> {
        let is_separator = |character: &char| character.is_whitespace() || *character == '-';
        let text: String = typed.expose_secret().chars().filter(|character| !is_separator(character)).collect();
        if text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(|code| Self::Totp(TotpCode(code)));
        }
        let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
        bytes.try_into().ok().map(|bytes| Self::RecoveryCode(RecoveryCode(bytes)))
    }
}

/// What an authenticator app is set up with. It can't be printed, because the secret must not be.
#[derive(Serialize, ToSchema)]
pub struct TotpSetup {
    /// The secret, for whoever types it: base32.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The same as a URI, for whoever scans it.
    #[schema(
        example = "otpauth://totp/peregrine:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=peregrine&algorithm=SHA1&digits=6&period=30"
    )]
    uri: String,
}

impl TotpSetup {
    /// The set-up of a secret.
    pub fn new(secret: &TotpSecret, issuer: &str, account: &str) -> Self {
        let shown = |text: SecretString| text.expose_secret().to_owned();
        Self { secret: shown(secret.to_base32()), uri: shown(secret.to_uri(issuer, account)) }
    }
}

/// Recovery codes, shown once. They can't be printed.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each is good for one use in place of a code. Older ones no longer are.
    #[schema(example = json!(["GEZDGN-BVGY3T-QOJQGE-ZDGNBV"]))]
    recovery_codes: Vec<String>,
}

impl RecoveryCodes {
    /// The codes as they are shown.
    pub fn new(codes: &[RecoveryCode]) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.to_text().expose_secret().to_owned()).collect() }
    }
}

#[cfg(test)]
mod tests;
