use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use crate::totp::RecoveryCodeHash;

/// What kind of code one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// The device's.
    Totp,
    /// A recovery code.
    RecoveryCode,
}

/// A code that is right, and that nobody has used as far as has been read. It counts once it is written to be used, by
/// one of the writes that [`SecondFactors`](super::SecondFactors) makes of it.
#[derive(Debug, Clone)]
pub struct RightCode {
    pub(super) user_id: Uuid,
    /// The secret, as stored: the code is of no use for another one.
    pub(super) sealed: Vec<u8>,
    pub(super) used: Used,
}

/// What is used up with a code.
#[derive(Debug, Clone)]
pub(super) enum Used {
    /// A step of the device, and all before it.
    Step(i64),
    /// A recovery code.
    RecoveryCode(RecoveryCodeHash),
}

/// What became of a code that is to confirm a set-up.
#[derive(Debug, Clone)]
pub enum SetupCode {
    /// There is no set-up, or no longer.
    NoSetup,
    /// It is not what the device shows.
    Wrong,
    /// It is.
    Right(RightCode),
}

impl CodeKind {
    /// The name, in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

impl RightCode {
    /// What kind of code it is.
    pub fn kind(&self) -> CodeKind {
        match self.used {
            Used::Step(_) => CodeKind::Totp,
            Used::RecoveryCode(_) => CodeKind::RecoveryCode,
        }
    }

    /// That the code has not been used, and that the second factor is the one that it was made for.
    pub(super) fn condition(&self) -> (&'static str, HashMap<String, AttributeValue>) {
        let sealed = (":sealed".to_owned(), AttributeValue::B(Blob::new(self.sealed.clone())));
        match &self.used {
            Used::Step(step) => (
                "sealed = :sealed AND attribute_exists(confirmed_at) AND last_step < :step",
                HashMap::from([sealed, (":step".to_owned(), AttributeValue::N(step.to_string()))]),
            ),
            Used::RecoveryCode(hash) => (
                "sealed = :sealed AND attribute_exists(confirmed_at) AND contains(recovery_codes, :code)",
                HashMap::from([sealed, (":code".to_owned(), AttributeValue::S(hash.as_str().to_owned()))]),
            ),
        }
    }
}
