use jiff::{SignedDuration, Timestamp};

use super::{LIFETIME_SECONDS, PublicKey, SecretId, SigningKeyError, SigningKeys};

/// How long a new key is published before the first token is signed with it. It is twice [`REREAD_AFTER`], and so as
/// long as others may keep what they know of the keys: their cache and the one that filled it.
pub const ANNOUNCED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// How long what is known of the keys is used before it is read again, everywhere.
pub const REREAD_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// How much longer a key is accepted than the last of its tokens is valid, for sandboxes whose clock is wrong.
const SLACK: SignedDuration = SignedDuration::from_mins(5);

/// When which key signs, and how long its signatures are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySchedule {
    /// The secret that the keys are derived from.
    pub(crate) secret: SecretId,
    /// Secrets that were replaced. None of them can come back.
    pub(crate) replaced: Vec<SecretId>,
    /// The newest key.
    pub current: ScheduledKey,
    /// The key that signs until the newest one does, and is accepted for a while after that.
    pub(crate) retiring: Option<ScheduledKey>,
}

/// A key and its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledKey {
    /// Which key of the secret it is.
    pub generation: u32,
    /// The key that verifies.
    pub public_key: PublicKey,
    /// When it begins to sign.
    pub signs_from: Timestamp,
    /// Until when its signatures are accepted; without end as long as no newer key has been made.
    pub accepted_until: Option<Timestamp>,
}

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The key before is still accepted, or still signs.
    #[error("a rotation is under way")]
    UnderWay,
    /// No key can be derived.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
}

impl KeySchedule {
    /// The first key there is, which signs at once.
    ///
    /// # Errors
    /// See [`SigningKeys::key`].
    pub fn first(keys: &SigningKeys, now: Timestamp) -> Result<Self, SigningKeyError> {
        let current = ScheduledKey::new(keys, 1, now)?;
        Ok(Self { secret: keys.secret_id()?, replaced: Vec::new(), current, retiring: None })
    }

    /// The schedule after its secret was replaced, because somebody else knows it. The new secret signs at once, and
    /// nothing that the old one has signed is accepted any more.
    ///
    /// # Errors
    /// See [`SigningKeys::key`].
    pub fn replaced_by(&self, keys: &SigningKeys, now: Timestamp) -> Result<Self, SigningKeyError> {
        let current = ScheduledKey::new(keys, self.current.generation.saturating_add(1), now)?;
        let replaced = self.replaced.iter().chain([&self.secret]).cloned().collect();
        Ok(Self { secret: keys.secret_id()?, replaced, current, retiring: None })
    }

    /// The schedule with one more key, which signs once everybody knows it.
    ///
    /// # Errors
    /// [`RotationError::UnderWay`] while there are two keys already.
    pub fn rotated(&self, keys: &SigningKeys, now: Timestamp) -> Result<Self, RotationError> {
        if self.accepted(now).count() > 1 || now < self.current.signs_from {
            return Err(RotationError::UnderWay);
        }
        let signs_from = now + ANNOUNCED_FOR;
        let current = ScheduledKey::new(keys, self.current.generation.saturating_add(1), signs_from)?;
        let accepted_until = signs_from + SignedDuration::from_secs(LIFETIME_SECONDS) + SLACK;
        let retiring = ScheduledKey { accepted_until: Some(accepted_until), ..self.current.clone() };
        Ok(Self { current, retiring: Some(retiring), ..self.clone() })
    }

    /// The key to sign with.
    pub fn signing(&self, now: Timestamp) -> &ScheduledKey {
        self.retiring.as_ref().filter(|_| now < self.current.signs_from).unwrap_or(&self.current)
    }

    /// The keys whose signatures are accepted, the newest first.
    pub fn accepted(&self, now: Timestamp) -> impl Iterator<Item = &ScheduledKey> {
        let keys = [Some(&self.current), self.retiring.as_ref()].into_iter().flatten();
        keys.filter(move |key| key.accepted_until.is_none_or(|until| now < until))
    }

    /// Whether the keys are derived from this secret.
    pub fn is_of(&self, secret: &SecretId) -> bool {
        self.secret == *secret
    }

    /// Whether the keys were derived from this secret before it was replaced.
    pub fn was_of(&self, secret: &SecretId) -> bool {
        self.replaced.contains(secret)
    }
}

impl ScheduledKey {
    fn new(keys: &SigningKeys, generation: u32, signs_from: Timestamp) -> Result<Self, SigningKeyError> {
        let public_key = keys.key(generation)?.public_key().clone();
        Ok(Self { generation, public_key, signs_from, accepted_until: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> SigningKeys {
        SigningKeys::new(&secret.into())
    }

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn generations(schedule: &KeySchedule, now: Timestamp) -> Vec<u32> {
        schedule.accepted(now).map(|key| key.generation).collect()
    }

    #[test]
    fn a_new_key_is_known_to_everybody_before_it_signs() {
        let keys = keys("secret");
        let schedule = KeySchedule::first(&keys, now()).unwrap().rotated(&keys, now()).unwrap();
        let turn = now() + ANNOUNCED_FOR;
        assert_eq!(schedule.signing(turn - SignedDuration::from_secs(1)).generation, 1);
        assert_eq!(schedule.signing(turn).generation, 2);
        assert_eq!(generations(&schedule, now()), [2, 1]);
        assert!(REREAD_AFTER * 2 <= ANNOUNCED_FOR);
    }

    #[test]
    fn an_old_key_is_accepted_until_the_last_of_its_tokens_has_ended() {
        let keys = keys("secret");
        let schedule = KeySchedule::first(&keys, now()).unwrap().rotated(&keys, now()).unwrap();
        let last = now() + ANNOUNCED_FOR + SignedDuration::from_secs(LIFETIME_SECONDS);
        assert_eq!(generations(&schedule, last), [2, 1]);
        assert_eq!(generations(&schedule, last + SLACK), [2]);
    }

    #[test]
    fn nothing_is_rotated_while_two_keys_are_accepted() {
        let keys = keys("secret");
        let schedule = KeySchedule::first(&keys, now()).unwrap().rotated(&keys, now()).unwrap();
        let end = schedule.retiring.as_ref().unwrap().accepted_until.unwrap();
        let early = schedule.rotated(&keys, end - SignedDuration::from_secs(1));
        assert!(matches!(early, Err(RotationError::UnderWay)));
        let third = schedule.rotated(&keys, end).unwrap();
        assert_eq!(generations(&third, end), [3, 2]);
    }

    #[test]
    fn a_replaced_secret_leaves_no_key_behind_and_can_not_come_back() {
        let (leaked, new) = (keys("leaked"), keys("new"));
        let schedule = KeySchedule::first(&leaked, now()).unwrap().rotated(&leaked, now()).unwrap();
        let after = schedule.replaced_by(&new, now()).unwrap();
        assert_eq!(generations(&after, now()), [3]);
        assert_eq!(after.signing(now()).public_key, *new.key(3).unwrap().public_key());
        assert!(after.was_of(&leaked.secret_id().unwrap()) && after.is_of(&new.secret_id().unwrap()));
    }
}
