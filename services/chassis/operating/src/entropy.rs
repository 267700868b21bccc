//! The operating system's randomness behind [`Random`].

use lutong_kernel::Random;
use rand::Rng as _;

/// The thread-local cryptographically secure generator, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entropy;

impl Random for Entropy {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}
