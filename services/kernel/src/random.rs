//! Randomness as an argument.

use std::sync::{Mutex, PoisonError};

/// A source of random bytes. The operating system's source is in the chassis; tests pass [`SeededRandom`].
pub trait Random: Send + Sync + std::fmt::Debug {
    /// Overwrites `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Random + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0_u8; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// A reproducible source (SplitMix64) for tests. Its output can be predicted: it must not make keys.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// The sequence of this seed from its beginning.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of Vigna's reference implementation (splitmix64.c) for the seed 1234567.
    const REFERENCE: [u64; 5] = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];

    #[test]
    fn the_seeded_source_is_split_mix_64() {
        let random = SeededRandom::new(1_234_567);
        let random: &dyn Random = &random;
        assert_eq!(REFERENCE.map(|_| u64::from_le_bytes(random.bytes())), REFERENCE);
    }

    #[test]
    fn a_length_that_is_not_a_multiple_of_eight_takes_the_beginning_of_the_last_word() {
        let random = SeededRandom::new(1_234_567);
        let bytes: [u8; 11] = (&random as &dyn Random).bytes();
        assert_eq!(bytes[..8], REFERENCE[0].to_le_bytes());
        assert_eq!(bytes[8..], REFERENCE[1].to_le_bytes()[..3]);
    }
}
