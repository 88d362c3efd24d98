use std::collections::HashMap;
use std::num::NonZeroU32;
use std::str::FromStr;

use super::{Policy, Quota};
use crate::settings::Environment;

/// By how much quotas grow where limits are not strict: enough for any work on one machine, and still counted.
const RELAXED_FACTOR: u32 = 1000;

/// The quota of each policy.
///
/// As text: `<policy>=<requests>/<seconds>`, separated by spaces. A policy that is left out has its default.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    chosen: HashMap<Policy, Quota>,
    relaxed: bool,
}

/// A text does not say what the limits are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A part has another form, or a zero in it.
    #[error("`{0}` is not of the form <policy>=<requests>/<seconds> with numbers from 1 on, such as `writes=120/60`")]
    Form(String),
    /// There is no such policy.
    #[error("`{0}` is not a policy; there are {all}", all = Policy::ALL.map(Policy::as_str).join(", "))]
    Policy(String),
    /// A policy has two quotas.
    #[error("`{0}` stands there twice")]
    Twice(&'static str),
}

impl Limits {
    /// The limits as `RATE_LIMITS` says. `STRICT_LIMITS=false`, for local development, makes each a thousand times as
    /// wide.
    pub fn from_env(environment: &mut Environment) -> Self {
        let limits: Self = environment.parsed("RATE_LIMITS").unwrap_or_default();
        let strict = environment.parsed("STRICT_LIMITS").unwrap_or(true);
        if strict { limits } else { limits.relaxed() }
    }

    /// The same limits, a thousand times as wide.
    #[must_use]
    pub fn relaxed(self) -> Self {
        Self { relaxed: true, ..self }
    }

    /// The quota of this policy.
    pub fn quota_of(&self, policy: Policy) -> Quota {
        let quota = self.chosen.get(&policy).copied().unwrap_or_else(|| default_of(policy));
        let factor = if self.relaxed { RELAXED_FACTOR } else { 1 };
        Quota { requests: quota.requests.saturating_mul(factor), ..quota }
    }
}

fn default_of(policy: Policy) -> Quota {
    let (requests, seconds) = match policy {
        Policy::Reads => (1200, 60),
        Policy::Writes => (120, 60),
        Policy::SignIn => (20, 60),
        Policy::SignUp | Policy::Mail => (20, 3600),
        Policy::Mailbox => (5, 1800),
    };
    Quota { requests, seconds }
}

impl FromStr for Limits {
    type Err = LimitsError;

    fn from_str(text: &str) -> Result<Self, LimitsError> {
        let mut chosen = HashMap::new();
        for part in text.split_whitespace() {
            let form = || LimitsError::Form(part.to_owned());
            let (name, quota) = part.split_once('=').ok_or_else(form)?;
            let (requests, seconds) = quota.split_once('/').ok_or_else(form)?;
            let number = |text: &str| text.parse().map(NonZeroU32::get).map_err(|_| form());
            let quota = Quota { requests: number(requests)?, seconds: number(seconds)? };
            let policy = Policy::ALL.into_iter().find(|policy| policy.as_str() == name);
            let policy = policy.ok_or_else(|| LimitsError::Policy(name.to_owned()))?;
            if chosen.insert(policy, quota).is_some() {
                return Err(LimitsError::Twice(policy.as_str()));
            }
        }
        Ok(Self { chosen, relaxed: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(limits: &'static str, strict: &'static str) -> Result<Limits, String> {
        let mut environment = Environment::from_fn(move |name| match name {
            "RATE_LIMITS" => Some(limits.to_owned()),
            "STRICT_LIMITS" => Some(strict.to_owned()),
            _ => None,
        });
        let limits = Limits::from_env(&mut environment);
        environment.finish().map_err(|error| error.to_string()).map(|()| limits)
    }

    fn quotas(limits: &Limits) -> [(u32, u32); 6] {
        Policy::ALL.map(|policy| limits.quota_of(policy)).map(|quota| (quota.requests, quota.seconds))
    }

    #[test]
    fn a_policy_that_is_left_out_has_its_default() {
        let defaults = [(1200, 60), (120, 60), (20, 60), (20, 3600), (20, 3600), (5, 1800)];
        assert_eq!(quotas(&limits("", "").unwrap()), defaults);
        let some = limits(" sign-in=5/30  mail=1/86400 ", "true").unwrap();
        assert_eq!(quotas(&some), [(1200, 60), (120, 60), (5, 30), (20, 3600), (1, 86400), (5, 1800)]);
    }

    #[test]
    fn limits_that_are_not_strict_are_a_thousand_times_as_wide() {
        let limits = limits("reads=5000000/60 mail=2/3600", "false").unwrap();
        assert_eq!(
            quotas(&limits),
            [(u32::MAX, 60), (120_000, 60), (20_000, 60), (20_000, 3600), (2000, 3600), (5000, 1800)],
            "numbers that would overflow end at the largest"
        );
    }

    #[test]
    fn malformed_limits_are_named() {
        let form = "is not of the form <policy>=<requests>/<seconds> with numbers from 1 on";
        for (text, expected) in [
            ("reads", format!("`reads` {form}")),
            ("reads=10", format!("`reads=10` {form}")),
            ("reads=0/60", format!("`reads=0/60` {form}")),
            ("reads=10/0", format!("`reads=10/0` {form}")),
            ("reads=-1/60", format!("`reads=-1/60` {form}")),
            ("mail=1/1 reads=10/60,writes=5/60", format!("`reads=10/60,writes=5/60` {form}")),
            (
                "logins=1/1",
                "`logins` is not a policy; there are reads, writes, sign-in, sign-up, mail, mailbox".to_owned(),
            ),
            ("mail=1/1 mail=1/2", "`mail` stands there twice".to_owned()),
        ] {
            let message = limits(text, "").unwrap_err();
            assert!(message.contains(&format!("RATE_LIMITS is malformed: {expected}")), "{message}");
        }
        let message = limits("", "no").unwrap_err();
        assert!(message.contains("STRICT_LIMITS is malformed: provided string was not `true` or `false`"), "{message}");
    }
}
