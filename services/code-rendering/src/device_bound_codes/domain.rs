//! How long a code that is bound to a device is valid, and the key of the device.

use lutong_kernel::Timestamp;
use lutong_token::{Algorithm, MAX_DEVICE_LIFE_SECONDS, VerifyingKey};

/// The key of a device: the uncompressed point of P-256 (SEC 1, section 2.3.3), which WebCrypto exports as `raw`. `None` if it is none.
pub fn device_key(raw: &[u8]) -> Option<VerifyingKey> {
    VerifyingKey::from_raw(Algorithm::Es256, raw).ok()
}

/// The end of the validity of a code issued at an instant: 24 hours later, and at the latest when the code in force is due to change. A door
/// without a connection cannot ask whether the change has come.
pub fn expires_at(issued_at: Timestamp, next_change_at: Option<Timestamp>) -> Timestamp {
    let latest = issued_at.plus_seconds(MAX_DEVICE_LIFE_SECONDS);
    next_change_at
        .filter(|change| issued_at < *change)
        .map_or(latest, |change| latest.min(change))
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;
    use lutong_token::SigningKey;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn it_is_valid_for_a_day_and_not_beyond_the_next_change_of_the_code() {
        assert_eq!(expires_at(at(0), None), at(86_400));
        assert_eq!(expires_at(at(0), Some(at(100))), at(100));
        assert_eq!(expires_at(at(0), Some(at(86_401))), at(86_400));
        // A red code whose change is overdue is shown on: it may stay in force too long, never too short.
        assert_eq!(expires_at(at(0), Some(at(0))), at(86_400));
    }

    #[test]
    fn the_key_of_a_device_is_an_uncompressed_point_of_p256() {
        let phone = SigningKey::generate(Algorithm::Es256, &SeededRandom::new(1)).unwrap();
        let raw = phone.verifying_key().raw();
        assert_eq!(device_key(raw).as_ref(), Some(phone.verifying_key()));
        let mut beside = raw.to_vec();
        beside[64] ^= 1;
        let mut compressed = raw[..33].to_vec();
        compressed[0] = 2;
        for bad in [
            &[][..],
            &raw[1..],
            &[raw, &[0]].concat(),
            &beside,
            &compressed,
            &[4; 65],
        ] {
            assert_eq!(device_key(bad), None, "{bad:02x?}");
        }
    }
}
