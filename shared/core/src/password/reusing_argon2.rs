use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{self, CustomizedPasswordHasher};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Argon2 that uses the memory of one hash again for the next: to get 19 MiB from the system, page by page, takes
/// nearly as long as to fill them. Hashes at the same time have memory of their own. Cheap to clone; the clones share
/// what is kept. It implements what the library's own verification asks for, which then compares in constant time.
#[derive(Clone, Default)]
pub(super) struct ReusingArgon2(Arc<Mutex<Vec<Block>>>);

impl ReusingArgon2 {
    /// So many blocks: those that are kept, if nobody has them.
    fn take(&self, blocks: usize) -> password_hash::Result<Vec<Block>> {
        let mut memory = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        memory.truncate(blocks);
        memory.try_reserve_exact(blocks - memory.len()).map_err(|_| password_hash::Error::OutOfMemory)?;
        memory.resize(blocks, Block::new());
        Ok(memory)
    }

    /// Keeps the blocks, wiped: a password can be guessed from them without the work that Argon2 is there for.
    fn keep(&self, mut memory: Vec<Block>) {
        memory.fill(Block::new());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = memory;
    }

    /// How many blocks are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl CustomizedPasswordHasher<PasswordHash> for ReusingArgon2 {
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
        let mut memory = self.take(params.block_count())?;
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
impl fmt::Debug for ReusingArgon2 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ReusingArgon2")
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher as _;

    use super::*;

    #[test]
    fn memory_of_an_earlier_hash_makes_no_difference() {
        let reusing = ReusingArgon2::default();
        for (memory, passes) in [(64, 1), (256, 2), (64, 2), (256, 1)] {
            let params = Params::new(memory, passes, 1, None).unwrap();
            for algorithm in [Algorithm::Argon2id, Algorithm::Argon2i, Algorithm::Argon2d] {
                for version in [Version::V0x10, Version::V0x13] {
                    let (password, salt) = (b"Passw0rd1", b"sixteen bytes...");
                    let fresh = Argon2::new(algorithm, version, params.clone());
                    let expected = fresh.hash_password_with_salt(password, salt).unwrap();
                    let (name, number) = (Some(algorithm.as_str()), Some(version.into()));
                    let hash = reusing.hash_password_customized(password, salt, name, number, params.clone()).unwrap();
                    assert_eq!(hash.to_string(), expected.to_string());
                }
            }
        }
    }

    #[test]
    fn nothing_of_a_password_stays_in_the_memory_or_is_shown() {
        let argon2 = ReusingArgon2::default();
        let params = Params::new(64, 1, 1, None).unwrap();
        argon2.hash_password_with_params(b"Passw0rd1", b"sixteen bytes...", params).unwrap();
        let memory = argon2.0.lock().unwrap().clone();
        assert_eq!(memory.len(), 64);
        assert!(memory.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
        assert_eq!(format!("{argon2:?}"), "ReusingArgon2");
    }
}
