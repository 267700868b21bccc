//! Sets of revoked tokens in few bytes: keyed fingerprints of 44 bits, sorted, their differences as Golomb-Rice codes (Golomb, 1966; Rice
//! and Plaunt, 1971). A set of n needs about 45.5 − log2 n bits for each, and a token that is not in it is taken for one of it with
//! probability n / 2^44. Sets are united by uniting their fingerprints, so that a difference of two lists is a list.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Keys the fingerprints of a list. It is public; it keeps tokens of one list that cannot be told apart from staying so in the next.
pub type Salt = [u8; 16];

/// Bits of a fingerprint.
pub const BITS: u32 = 44;

/// The first 44 bits of HMAC-SHA-256(salt, id).
pub fn fingerprint(salt: &Salt, id: &[u8]) -> u64 {
    // HMAC pads a key of 16 bytes with zeros to its block of 64. The constructor for a whole block cannot fail.
    let mut block = [0_u8; 64];
    block[..16].copy_from_slice(salt);
    let mut mac = Hmac::<Sha256>::new((&block).into());
    mac.update(id);
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    let mut first = [0_u8; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first) >> (64 - BITS)
}

/// The bits of a remainder in a set of `count`: its quotient is then 1 on average.
const fn remainder_bits(count: usize) -> u32 {
    match count.checked_ilog2() {
        Some(log) if log < BITS => BITS - log,
        Some(_) => 0,
        None => BITS,
    }
}

/// The codes of fingerprints that ascend without repetition.
pub fn encode(ascending: &[u64]) -> Vec<u8> {
    let remainder = remainder_bits(ascending.len());
    let mut bits = BitWriter::default();
    // The least value that the next one may have.
    let mut least = 0;
    for value in ascending {
        let gap = value - least;
        bits.unary(gap >> remainder);
        bits.number(gap, remainder);
        least = value + 1;
    }
    bits.finish()
}

/// The fingerprints of their codes; `None` for anything but the codes of `count` fingerprints in their only form.
pub fn decode(codes: &[u8], count: usize) -> Option<Vec<u64>> {
    let remainder = remainder_bits(count);
    // Each has a bit that ends its quotient, and its remainder: a number that is too large reserves no memory.
    let shortest = u64::try_from(count).ok()?.checked_mul(u64::from(remainder) + 1)?;
    if shortest > codes.len() as u64 * 8 {
        return None;
    }
    let mut bits = BitReader { codes, position: 0 };
    let mut values = Vec::with_capacity(count);
    let mut least: u64 = 0;
    for _ in 0..count {
        let quotient = bits.unary()?;
        let gap = quotient.checked_shl(remainder)? | bits.number(remainder)?;
        let value = least.checked_add(gap)?;
        if value >> BITS != 0 || quotient >> (BITS - remainder) != 0 {
            return None;
        }
        values.push(value);
        least = value + 1;
    }
    bits.is_at_end().then_some(values)
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    /// Free bits of the last byte.
    free: u32,
}

impl BitWriter {
    fn bit(&mut self, is_set: bool) {
        if self.free == 0 {
            self.bytes.push(0);
            self.free = 8;
        }
        self.free -= 1;
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(is_set) << self.free;
        }
    }

    /// As many ones as the number says, and a zero.
    fn unary(&mut self, number: u64) {
        for _ in 0..number {
            self.bit(true);
        }
        self.bit(false);
    }

    /// The low bits of a number, the highest first.
    fn number(&mut self, number: u64, bits: u32) {
        for place in (0..bits).rev() {
            self.bit(number >> place & 1 == 1);
        }
    }

    fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

struct BitReader<'a> {
    codes: &'a [u8],
    /// In bits.
    position: usize,
}

impl BitReader<'_> {
    fn bit(&mut self) -> Option<bool> {
        let byte = self.codes.get(self.position / 8)?;
        let is_set = byte << (self.position % 8) & 0x80 != 0;
        self.position += 1;
        Some(is_set)
    }

    fn unary(&mut self) -> Option<u64> {
        let mut number = 0;
        while self.bit()? {
            number += 1;
        }
        Some(number)
    }

    fn number(&mut self, bits: u32) -> Option<u64> {
        let mut number = 0;
        for _ in 0..bits {
            number = number << 1 | u64::from(self.bit()?);
        }
        Some(number)
    }

    /// Whether nothing follows but the zeros that fill the last byte.
    fn is_at_end(&mut self) -> bool {
        let is_last_byte = self.codes.len() == self.position.div_ceil(8);
        while !self.position.is_multiple_of(8) {
            if self.bit() != Some(false) {
                return false;
            }
        }
        is_last_byte
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ascending(mut values: Vec<u64>) -> Vec<u64> {
        for value in &mut values {
            *value &= (1 << BITS) - 1;
        }
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Computed with Python's hmac; the salt is the bytes 0 to 15, the id sixteen bytes of 7.
    #[test]
    fn a_fingerprint_is_the_documented_one() {
        let salt = std::array::from_fn(|place| u8::try_from(place).unwrap());
        assert_eq!(fingerprint(&salt, &[7; 16]), FINGERPRINT);
        assert_ne!(fingerprint(&[0; 16], &[7; 16]), FINGERPRINT);
    }

    const FINGERPRINT: u64 = 0x0081_36AD_0EDF;

    #[test]
    fn the_least_and_the_greatest_fingerprints_are_read_again() {
        let greatest = (1 << BITS) - 1;
        for set in [
            vec![],
            vec![0],
            vec![greatest],
            vec![0, greatest],
            (0..100).collect(),
        ] {
            assert_eq!(decode(&encode(&set), set.len()), Some(set));
        }
    }

    #[test]
    fn a_count_that_the_bytes_cannot_hold_reserves_no_memory() {
        for count in [1, 2, 1 << 20, usize::MAX >> 8, usize::MAX] {
            assert_eq!(decode(&[], count), None);
            assert_eq!(decode(&[0; 4], count), None);
        }
    }

    proptest! {
        #[test]
        fn a_set_is_read_as_it_was_written(values in proptest::collection::vec(any::<u64>(), 0..300)) {
            let set = ascending(values);
            prop_assert_eq!(decode(&encode(&set), set.len()), Some(set));
        }

        #[test]
        fn a_set_has_one_form(values in proptest::collection::vec(any::<u64>(), 1..50), bit in any::<prop::sample::Index>()) {
            let set = ascending(values);
            let mut codes = encode(&set);
            codes.push(0);
            prop_assert_eq!(decode(&codes, set.len()), None);
            codes.pop();
            prop_assert_eq!(decode(&codes[..codes.len() - 1], set.len()), None);
            let bit = bit.index(codes.len() * 8);
            codes[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert_ne!(decode(&codes, set.len()), Some(set));
        }

        #[test]
        fn nothing_else_makes_it_panic(codes: Vec<u8>, count in 0_usize..200) {
            if let Some(set) = decode(&codes, count) {
                prop_assert_eq!(encode(&set), codes);
            }
        }
    }
}
