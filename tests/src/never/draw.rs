//! Random choices from a seed.

use std::time::Duration;

use lutong_kernel::Random;
use lutong_kernel::random::SeededRandom;

/// A deterministic source of random choices.
#[derive(Debug)]
pub struct Draw(SeededRandom);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&self, end: usize) -> usize {
        let mut bytes = [0_u8; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % end as u64).unwrap()
    }

    /// `true` with this probability in percent.
    pub fn percent(&self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn one_of<T: Copy>(&self, several: &[T]) -> T {
        several[self.below(several.len())]
    }

    /// A duration of `least` (inclusive) to `end` (exclusive) milliseconds.
    pub fn pause(&self, least: usize, end: usize) -> Duration {
        Duration::from_millis((least + self.below(end - least)) as u64)
    }
}
