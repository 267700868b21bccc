//! Claim 7 of a dynamic token: the row id of the code, encrypted so that only code-rendering can read it and a checkpoint
//! cannot recognise two scans of one person.
//!
//! The construction is SIV (Rogaway and Shrimpton, 2006) over HMAC-SHA-256, in 24 bytes:
//!
//! ```text
//! V  = first 8 bytes of HMAC(K1, expires_at ‖ row id)          synthetic IV and authentication tag
//! C  = row id XOR first 16 bytes of HMAC(K2, expires_at ‖ V)
//! id = V ‖ C
//! ```
//!
//! - **Size:** the 140 bytes of a token leave 24. Nonce and tag of AES-GCM alone have 28; AES-SIV of a row id has 32.
//! - **Unlinkable:** `expires_at` (claim 4, whole seconds) is associated data of both halves. The ids of one code in two
//!   different seconds are unrelated, without a nonce to carry and without randomness for each token. Two tokens of one
//!   code within one second have the same id and are the same token.
//! - **Authentic:** a guess is accepted with probability 2^-64, must then name an existing row, and must be inside a token
//!   with a valid signature. SIV remains secure when an input repeats: it reveals only the repetition.
//! - **Collisions:** two equal V matter only within one second; at 10^5 tokens a second their probability is about 2^-31.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use lutong_kernel::{Random, Timestamp};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::claims::{DYNAMIC_LIFE_SECONDS, TokenId};

type HmacSha256 = Hmac<Sha256>;

/// The key of code-rendering that encrypts row ids. During a rotation the newest key seals, and each key is tried to open.
#[derive(Clone)]
pub struct DynamicIdKey {
    tag: HmacSha256,
    pad: HmacSha256,
}

impl DynamicIdKey {
    pub const BYTES: usize = 32;

    /// The key that is derived from 32 secret random bytes, which the caller stores.
    pub fn from_bytes(master: &[u8; Self::BYTES]) -> Self {
        let master = keyed(master);
        Self {
            tag: derived(&master, b"lutong dynamic id tag"),
            pad: derived(&master, b"lutong dynamic id pad"),
        }
    }

    /// The bytes of a new key, for [`Self::from_bytes`] and for storage.
    pub fn generate(random: &dyn Random) -> Zeroizing<[u8; Self::BYTES]> {
        Zeroizing::new(random.bytes())
    }

    /// Encrypts a row id for a token issued at `issued_at`, the instant passed to [`crate::Claims::dynamic`].
    pub fn seal(&self, row: Uuid, issued_at: Timestamp) -> [u8; 24] {
        let expires = issued_at.plus_seconds(DYNAMIC_LIFE_SECONDS).seconds();
        let tag = first(self.mac(row, expires));
        let ciphertext = self.pad(tag, expires) ^ row.as_u128();
        let mut sealed = [0; 24];
        sealed[..8].copy_from_slice(&tag);
        sealed[8..].copy_from_slice(&ciphertext.to_be_bytes());
        sealed
    }

    /// Decrypts claim 7 of a token with claim 4 `expires_at`; `None` if this key did not seal it for that time.
    pub fn open(&self, sealed: &TokenId, expires_at: Timestamp) -> Option<Uuid> {
        let (tag, ciphertext) = sealed.as_bytes().split_first_chunk::<8>()?;
        let ciphertext: [u8; 16] = ciphertext.try_into().ok()?;
        let expires = expires_at.seconds();
        let row = Uuid::from_u128(self.pad(*tag, expires) ^ u128::from_be_bytes(ciphertext));
        self.mac(row, expires).verify_truncated_left(tag).ok()?;
        Some(row)
    }

    fn mac(&self, row: Uuid, expires: i64) -> HmacSha256 {
        let mut mac = self.tag.clone();
        mac.update(&expires.to_be_bytes());
        mac.update(row.as_bytes());
        mac
    }

    fn pad(&self, tag: [u8; 8], expires: i64) -> u128 {
        let mut mac = self.pad.clone();
        mac.update(&expires.to_be_bytes());
        mac.update(&tag);
        u128::from_be_bytes(first(mac))
    }
}

fn keyed(key: &[u8; 32]) -> HmacSha256 {
    // HMAC pads a key of 32 bytes with zeros to its block of 64. The constructor for a whole block cannot fail.
    let mut block = Zeroizing::new([0_u8; 64]);
    block[..32].copy_from_slice(key);
    HmacSha256::new((&*block).into())
}

fn derived(master: &HmacSha256, purpose: &[u8]) -> HmacSha256 {
    let mut mac = master.clone();
    mac.update(purpose);
    keyed(&Zeroizing::new(mac.finalize().into_bytes().into()))
}

fn first<const N: usize>(mac: HmacSha256) -> [u8; N] {
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    let mut out = [0; N];
    out.copy_from_slice(&digest[..N]);
    out
}

impl fmt::Debug for DynamicIdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DynamicIdKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use lutong_kernel::random::SeededRandom;
    use lutong_kernel::{Colour, Random};

    use super::*;
    use crate::claims::Claims;
    use crate::issuer::Issuer;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_650_000_000 + second)
    }

    fn key(seed: u64) -> DynamicIdKey {
        DynamicIdKey::from_bytes(&DynamicIdKey::generate(&SeededRandom::new(seed)))
    }

    fn row(number: u64) -> Uuid {
        let random = SeededRandom::new(number);
        let random: &dyn Random = &random;
        Uuid::from_bytes(random.bytes())
    }

    /// The claims of a token with the sealed id.
    fn shown(key: &DynamicIdKey, row: Uuid, issued_at: Timestamp) -> Claims {
        Claims::dynamic(
            Issuer::SHANDONG,
            issued_at,
            key.seal(row, issued_at),
            Colour::Green,
            None,
        )
        .unwrap()
    }

    fn open(key: &DynamicIdKey, claims: &Claims) -> Option<Uuid> {
        key.open(claims.token_id(), claims.expires_at())
    }

    #[test]
    fn the_row_is_read_from_the_claims_alone() {
        let key = key(1);
        for number in 0..100 {
            let now = at(0).plus_micros(1 + i64::try_from(number).unwrap() * 777_777);
            assert_eq!(open(&key, &shown(&key, row(number), now)), Some(row(number)));
        }
    }

    #[test]
    fn no_four_bytes_of_an_id_repeat_in_another_second() {
        let key = key(1);
        let sealed: Vec<_> = (0..600).map(|second| key.seal(row(7), at(second))).collect();
        assert_eq!(sealed.iter().collect::<HashSet<_>>().len(), sealed.len());
        // 180,000 pairs: by chance 32 bits at one place are equal in one run of 24,000.
        for place in 0..=20 {
            let windows: HashSet<_> = sealed.iter().map(|id| &id[place..place + 4]).collect();
            assert_eq!(windows.len(), sealed.len(), "four bytes at {place} repeat");
        }
    }

    #[test]
    fn ids_of_one_person_differ_as_much_as_ids_of_two() {
        let key = key(1);
        let distance =
            |a: [u8; 24], b: [u8; 24]| -> u32 { a.iter().zip(b).map(|(x, y)| (x ^ y).count_ones()).sum() };
        let same: u32 = (0..500)
            .map(|s| distance(key.seal(row(1), at(s)), key.seal(row(1), at(s + 1))))
            .sum();
        let other: u32 = (0..500)
            .map(|s| distance(key.seal(row(1), at(s)), key.seal(row(2), at(s))))
            .sum();
        // The mean over 500 pairs of 192 fair bits is 96 with a deviation of 0.31.
        for total in [same, other] {
            assert!((94 * 500..98 * 500).contains(&total), "{total}");
        }
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let key = key(1);
        let sealed = key.seal(row(1), at(0));
        let expires = at(60);
        for bit in 0..192 {
            let mut changed = sealed;
            changed[bit / 8] ^= 1 << (bit % 8);
            let claims = Claims::dynamic(Issuer::SHANDONG, at(0), changed, Colour::Green, None).unwrap();
            assert_eq!(key.open(claims.token_id(), expires), None, "bit {bit}");
        }
    }

    #[test]
    fn an_id_does_not_open_for_another_time_or_with_another_key() {
        let claims = shown(&key(1), row(1), at(0));
        assert_eq!(key(1).open(claims.token_id(), at(61)), None);
        assert_eq!(open(&key(2), &claims), None);
    }

    #[test]
    fn the_random_id_of_a_paper_code_does_not_open() {
        let claims = Claims::paper(Issuer::SHANDONG, (at(0), at(60)), [7; 16], Colour::Green, None).unwrap();
        assert_eq!(open(&key(1), &claims), None);
    }

    /// Computed with Python's hmac from the construction above; the master key is the bytes 0 to 31.
    #[test]
    fn the_construction_is_the_documented_one() {
        let master = std::array::from_fn(|place| u8::try_from(place).unwrap());
        let key = DynamicIdKey::from_bytes(&master);
        let claims = shown(&key, Uuid::from_u128(0x0123_4567_89AB_CDEF), at(0));
        assert_eq!(
            format!("{:?}", claims.token_id()),
            "ed669d0caf99b8969ddb73747a4dea20855352cda2676df7"
        );
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", key(1)), "DynamicIdKey(***)");
    }
}
