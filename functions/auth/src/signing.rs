use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use peregrine_core::random::Random;
use peregrine_core::table::{Keys, PublishError};
use peregrine_core::token::{ANNOUNCED_FOR, KeySchedule, REREAD_AFTER, SecretId, Signer, SigningKeys};
use peregrine_http::error::ApiError;

/// Signs access tokens with the key whose turn it is. Cheap to clone; the clones share what they know.
#[derive(Clone)]
pub struct Signing {
    pub(crate) keys: Keys,
    pub(crate) secret: SigningKeys,
    secret_id: SecretId,
    issuer: String,
    random: Random,
    known: Arc<RwLock<Known>>,
    /// The signer that was asked for last: to derive a key costs as much as to sign.
    cached: Arc<RwLock<Option<CachedSigner>>>,
}

/// A signer with the key of a generation.
#[derive(Clone)]
struct CachedSigner {
    generation: u32,
    signer: Arc<Signer>,
}

#[derive(Clone)]
struct Known {
    schedule: KeySchedule,
    read_at: Timestamp,
}

impl Signing {
    /// Publishes the keys of `secret`, if that has not been done; see [`Keys::publish`].
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn start(
        keys: Keys,
        secret: SigningKeys,
        issuer: String,
        random: Random,
        now: Timestamp,
    ) -> Result<Self, PublishError> {
        let known = Known { schedule: keys.publish(&secret, now).await?, read_at: now };
        let secret_id = secret.secret_id()?;
        Ok(Self {
            keys,
            secret,
            secret_id,
            issuer,
            random,
            known: Arc::new(RwLock::new(known)),
            cached: Arc::default(),
        })
    }

    /// What mints access tokens now. Asked for side by side with what a sign-in reads anyway, it takes no time of its
    /// own.
    ///
    /// # Errors
    /// 503 if this sandbox's secret has been replaced, so that nobody would accept what it signs.
    pub async fn signer(&self, now: Timestamp) -> Result<Arc<Signer>, ApiError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let age = now.duration_since(known.read_at);
        let schedule = if age < REREAD_AFTER {
            known.schedule
        } else {
            // Rare, and so on the heap: the future of every sign-in would have to have room for it.
            match Box::pin(self.schedule(now)).await {
                // No key that has been made since signs before it has been announced for that long.
                Err(ApiError::Internal(error)) if age < ANNOUNCED_FOR => {
                    tracing::warn!(%error, "the key schedule can't be read; the known one holds for now");
                    known.schedule
                }
                read => read?,
            }
        };
        let generation = schedule.signing(now).generation;
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(cached) = cached.filter(|cached| cached.generation == generation) {
            return Ok(cached.signer);
        }
        let signer = Signer::new(self.secret.key(generation)?, self.issuer.clone(), self.random.clone());
        let signer = Arc::new(signer);
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) =
            Some(CachedSigner { generation, signer: Arc::clone(&signer) });
        Ok(signer)
    }

    /// The keys and their times, as they are now.
    ///
    /// # Errors
    /// 503 if this sandbox's secret has been replaced.
    pub(crate) async fn schedule(&self, now: Timestamp) -> Result<KeySchedule, ApiError> {
        let schedule =
            self.keys.schedule().await?.ok_or_else(|| ApiError::Internal("no key has been published".into()))?;
        if !schedule.is_of(&self.secret_id) {
            tracing::warn!("the signing secret has been replaced, and this sandbox still has the old one");
            return Err(ApiError::Busy);
        }
        self.remember(schedule.clone(), now);
        Ok(schedule)
    }

    /// Takes `schedule` for what is in the table at `now`.
    pub(crate) fn remember(&self, schedule: KeySchedule, now: Timestamp) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { schedule, read_at: now };
    }
}
