//! Lost races, run again.

use crate::error::ApiError;

/// How often a change is tried in all.
const ATTEMPTS: usize = 4;

/// Counts how often somebody else was faster.
#[derive(Debug)]
pub struct Race {
    detail: &'static str,
    lost: usize,
}

impl Race {
    /// A race that has not been lost yet. Whoever loses it for good is told `detail`.
    pub fn new(detail: &'static str) -> Self {
        Self { detail, lost: 0 }
    }

    /// Notes a loss. The change may then be made to what the winner has left.
    ///
    /// # Errors
    /// 409 after too many losses.
    pub fn lost(&mut self) -> Result<(), ApiError> {
        self.lost += 1;
        if self.lost < ATTEMPTS { Ok(()) } else { Err(ApiError::Conflict(self.detail)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_losses_are_one_too_many() {
        let mut race = Race::new("lost");
        assert_eq!([(); 3].map(|()| race.lost().is_ok()), [true; 3]);
        assert!(matches!(race.lost(), Err(ApiError::Conflict("lost"))));
    }
}
