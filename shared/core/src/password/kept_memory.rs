use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{self, CustomizedPasswordHasher};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Argon2 that keeps the memory of a hash for the next one: to get 19 MiB from the system, page by page, takes nearly as
/// long as to fill them. Hashes at the same time have memory of their own. Cheap to clone; the clones share what is kept.
#[derive(Clone, Default)]
pub(super) struct KeptMemory(Arc<Mutex<Vec<Block>>>);

impl KeptMemory {
    /// What is kept, if nobody has it; what Argon2 finds in there does not matter.
    fn take(&self) -> Vec<Block> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, memory: Vec<Block>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = memory;
    }
}

impl CustomizedPasswordHasher<PasswordHash> for KeptMemory {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> password_hash::Result<PasswordHash> {
        let algorithm = algorithm.map(Algorithm::try_from).transpose()?.unwrap_or_default();
        let version = version.map(Version::try_from).transpose()?.unwrap_or_default();
        let salt = Salt::new(salt)?;
        let mut buffer = [0; Output::MAX_LENGTH];
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = buffer.get_mut(..length).ok_or(password_hash::Error::OutputSize)?;
        let mut memory = self.take();
        memory.resize(params.block_count(), Block::new());
        let argon2 = Argon2::new(algorithm, version, params.clone());
        let hashed = argon2.hash_password_into_with_memory(password, &salt, output, memory.as_mut_slice());
        self.keep(memory);
        hashed?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&params)?,
            salt: Some(salt),
            hash: Some(Output::new(output)?),
        })
    }
}

/// Says nothing of what is in the memory.
impl fmt::Debug for KeptMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeptMemory")
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher as _;

    use super::*;

    #[test]
    fn what_an_earlier_hash_has_left_in_the_memory_makes_no_difference() {
        let kept = KeptMemory::default();
        for (memory, passes) in [(64, 1), (256, 2), (64, 2), (256, 1)] {
            let params = Params::new(memory, passes, 1, None).unwrap();
            for algorithm in [Algorithm::Argon2id, Algorithm::Argon2i, Algorithm::Argon2d] {
                for version in [Version::V0x10, Version::V0x13] {
                    let (password, salt) = (b"Passw0rd1", b"sixteen bytes...");
                    let fresh = Argon2::new(algorithm, version, params.clone());
                    let expected = fresh.hash_password_with_salt(password, salt).unwrap();
                    let (name, number) = (Some(algorithm.as_str()), Some(version.into()));
                    let hash = kept.hash_password_customized(password, salt, name, number, params.clone()).unwrap();
                    assert_eq!(hash.to_string(), expected.to_string());
                }
            }
        }
    }

    #[test]
    fn nobody_is_shown_what_is_in_the_memory() {
        assert_eq!(format!("{:?}", KeptMemory::default()), "KeptMemory");
    }
}
