use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::validation::{Constraints, Input, Report, Validate, one_of};

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits: for its time, for a worker, or for its next attempt.
    Queued,
    /// A worker is at it.
    Running,
    /// It is done.
    Succeeded,
    /// It was given up. An admin can have it tried again.
    Failed,
    /// Its owner or an admin called it off before it began.
    Cancelled,
}

/// A kind of work. Each has a queue and a worker of its own, so that a slow kind holds up no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Mail.
    Email,
    /// Webhooks.
    Webhook,
}

/// The text names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such name")]
pub struct UnknownName;

macro_rules! names {
    ($type:ident: $($variant:ident = $name:literal),+) => {
        impl $type {
            /// All of them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or(UnknownName)
            }
        }

        impl Validate for $type {
            fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
                one_of(&Self::ALL, input, report)
            }
        }
    };
}

names!(JobState: Queued = "queued", Running = "running", Succeeded = "succeeded", Failed = "failed", Cancelled = "cancelled");
names!(Kind: Email = "email", Webhook = "webhook");
