//! Claim 7 of a dynamic token: the code's row id, sealed so that only code-rendering can tell whose it is and no
//! door can tell that two scans were of one person.
//!
//! The construction is SIV (Rogaway and Shrimpton 2006) over HMAC-SHA-256, in 24 bytes:
//!
//! ```text
//! V  = first 8 bytes of HMAC(K1, expires_at ‖ row id)          synthetic IV and tag in one
//! C  = row id XOR first 16 bytes of HMAC(K2, expires_at ‖ V)
//! id = V ‖ C
//! ```
//!
//! - **Why not AES-GCM or AES-SIV:** GCM's nonce and tag alone are 28 bytes; AES-SIV of a row id is 32. The token's
//!   140 bytes leave exactly 24.
//! - **Different for each issue:** `expires_at` (claim 4, whole seconds, hence also the 60 s slot) goes into both
//!   halves as associated data, so every second of showing gives a fresh, unrelated value with no nonce to carry and no
//!   randomness on the hot path. Two issues of one code within one second are the same value, as they are the same token.
//! - **Authentic:** a guess passes with probability 2^-64 and would also need a row with the id it opens to; the
//!   signature of the token stands before it. SIV stays safe when an input repeats: it only shows that it did.
//! - **Collisions:** equal V would matter only within one second; at 10^5 tokens a second that is about 2^-31.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use lutong_kernel::{Random, Timestamp};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::claims::{DYNAMIC_LIFE_SECONDS, TokenId};

type HmacSha256 = Hmac<Sha256>;

/// code-rendering's key for sealed ids. Rotation: seal with the newest, open with each in turn.
#[derive(Clone)]
pub struct DynamicIdKey {
    tag: HmacSha256,
    pad: HmacSha256,
}

impl DynamicIdKey {
    pub const BYTES: usize = 32;

    /// From 32 secret random bytes that its keeper stores.
    pub fn from_bytes(master: &[u8; Self::BYTES]) -> Self {
        let master = keyed(master);
        Self {
            tag: derived(&master, b"lutong dynamic id tag"),
            pad: derived(&master, b"lutong dynamic id pad"),
        }
    }

    /// The bytes of a new key, for the keeper to store.
    pub fn generate(random: &dyn Random) -> Zeroizing<[u8; Self::BYTES]> {
        Zeroizing::new(random.bytes())
    }

    /// The id for a token issued at `issued_at`: the instant given to [`crate::Claims::dynamic`].
    pub fn seal(&self, row: Uuid, issued_at: Timestamp) -> [u8; 24] {
        let expires = issued_at.plus_seconds(DYNAMIC_LIFE_SECONDS).seconds();
        let tag = self.tag(row, expires);
        let hidden = self.pad(tag, expires) ^ row.as_u128();
        let mut sealed = [0; 24];
        sealed[..8].copy_from_slice(&tag);
        sealed[8..].copy_from_slice(&hidden.to_be_bytes());
        sealed
    }

    /// The row that a token's claims 7 and 4 name, or `None` when this key did not seal it for that time.
    pub fn open(&self, sealed: &TokenId, expires_at: Timestamp) -> Option<Uuid> {
        let (tag, hidden) = sealed.as_bytes().split_first_chunk::<8>()?;
        let hidden: [u8; 16] = hidden.try_into().ok()?;
        let expires = expires_at.seconds();
        let row = Uuid::from_u128(self.pad(*tag, expires) ^ u128::from_be_bytes(hidden));
        let mut check = self.tag.clone();
        check.update(&expires.to_be_bytes());
        check.update(row.as_bytes());
        check.verify_truncated_left(tag).ok()?;
        Some(row)
    }

    fn tag(&self, row: Uuid, expires: i64) -> [u8; 8] {
        let mut mac = self.tag.clone();
        mac.update(&expires.to_be_bytes());
        mac.update(row.as_bytes());
        first(mac)
    }

    fn pad(&self, tag: [u8; 8], expires: i64) -> u128 {
        let mut mac = self.pad.clone();
        mac.update(&expires.to_be_bytes());
        mac.update(&tag);
        u128::from_be_bytes(first(mac))
    }
}

fn keyed(key: &[u8; 32]) -> HmacSha256 {
    // The padded block of HMAC is a full key of its own; 32 bytes always fit into it.
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

    /// The claims a door sees, as they carry the sealed id.
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
    fn the_issuer_finds_the_row_from_the_claims_alone() {
        let key = key(1);
        for number in 0..100 {
            let now = at(0).plus_micros(1 + i64::try_from(number).unwrap() * 777_777);
            assert_eq!(open(&key, &shown(&key, row(number), now)), Some(row(number)));
        }
    }

    #[test]
    fn no_four_bytes_of_one_second_come_back_in_another() {
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
    fn another_time_and_another_key_open_nothing() {
        let claims = shown(&key(1), row(1), at(0));
        assert_eq!(key(1).open(claims.token_id(), at(61)), None);
        assert_eq!(open(&key(2), &claims), None);
    }

    #[test]
    fn the_stored_id_of_a_paper_code_opens_to_nothing() {
        let claims = Claims::paper(Issuer::SHANDONG, (at(0), at(60)), [7; 16], Colour::Green, None).unwrap();
        assert_eq!(open(&key(1), &claims), None);
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", key(1)), "DynamicIdKey(***)");
    }
}
