//! Drawing lots from a seed.

use std::time::Duration;

use lutong_kernel::Random;
use lutong_kernel::random::SeededRandom;

/// Lots of one seed: the same seed, the same lots.
#[derive(Debug)]
pub struct Draw(SeededRandom);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// Below `end`, which is not 0.
    pub fn below(&self, end: usize) -> usize {
        let mut bytes = [0_u8; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % end as u64).unwrap()
    }

    /// True so many times of a hundred.
    pub fn percent(&self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn one_of<T: Copy>(&self, several: &[T]) -> T {
        several[self.below(several.len())]
    }

    /// Milliseconds from `least` to below `end`.
    pub fn pause(&self, least: usize, end: usize) -> Duration {
        Duration::from_millis((least + self.below(end - least)) as u64)
    }
}
