//! The public keys that this sandbox knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use peregrine_core::table::{Keys, PublishedKey};
use peregrine_core::token::{KeyId, PublicKey, REREAD_AFTER};

use crate::error::ApiError;

/// How many answers are remembered. There are two keys at the most; all else was made up.
const MOST_ANSWERS: usize = 64;

/// The public keys that tokens are verified with, remembered for a while and then asked for again, so that a key that
/// was removed stops working. Cheap to clone; the clones share what they remember.
#[derive(Debug, Clone)]
pub(crate) struct KnownKeys {
    keys: Keys,
    answers: Arc<Mutex<HashMap<KeyId, Answer>>>,
}

/// What the table has said of an id, and when. That there is no such key holds as long as a key does: nobody can name a
/// key before it is published, because its id is its hash.
#[derive(Debug, Clone)]
struct Answer {
    key: Option<PublishedKey>,
    read_at: Timestamp,
}

impl Answer {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.read_at) < REREAD_AFTER
    }

    fn accepted(&self, now: Timestamp) -> Option<PublicKey> {
        self.key.as_ref().filter(|key| key.is_accepted(now)).map(|key| key.key.clone())
    }
}

impl KnownKeys {
    /// The keys of this table, of which none is known yet.
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, answers: Arc::default() }
    }

    /// The key with this id, if its signatures are accepted at `now`. Anybody can name keys that do not exist, so
    /// looking for one that is not known is `counted` first.
    ///
    /// # Errors
    /// 429 as `counted` says, 5xx if the table can't be read.
    pub(crate) async fn find(
        &self,
        id: KeyId,
        now: Timestamp,
        counted: impl Future<Output = Result<(), ApiError>>,
    ) -> Result<Option<PublicKey>, ApiError> {
        let known = self.answers().get(&id).cloned();
        if let Some(answer) = known.as_ref().filter(|answer| answer.is_fresh(now)) {
            return Ok(answer.accepted(now));
        }
        if known.is_none_or(|answer| answer.key.is_none()) {
            counted.await?;
        }
        let answer = Answer { key: self.keys.find(&id).await?, read_at: now };
        let accepted = answer.accepted(now);
        self.remember(id, answer);
        Ok(accepted)
    }

    fn remember(&self, id: KeyId, answer: Answer) {
        let mut answers = self.answers();
        if answers.len() >= MOST_ANSWERS {
            answers.retain(|_, answer| answer.key.is_some());
        }
        answers.insert(id, answer);
    }

    /// What is remembered. Never held across a call.
    fn answers(&self) -> MutexGuard<'_, HashMap<KeyId, Answer>> {
        // Nothing in there panics half-way, so a poisoned memory is as good as any.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
