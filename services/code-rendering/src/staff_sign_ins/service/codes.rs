//! Makes and reads the codes that devices show for staff to sign in.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lutong_kernel::{CheckpointDeviceId, Random, Timestamp};
use lutong_storage::crypto::{Key, keyed_hash};
use uuid::Uuid;

use crate::staff_sign_ins::domain::CodeHash;

/// What a code begins with, so that it is recognised where it does not belong.
const PREFIX: &str = "LTS1.";
/// Bytes: device, end in microseconds since 1970, random, tag.
const DEVICE: usize = 16;
const END: usize = 8;
const RANDOM: usize = 8;
const TAG: usize = 16;
const TAGGED: usize = DEVICE + END + RANDOM;

/// A tag says that this service has made a code for a device, so that nothing of it is stored until it is used.
#[derive(Clone)]
pub struct SignInCodes {
    tags: Key,
    hashes: Key,
    random: Arc<dyn Random>,
}

/// A code that this service has made.
#[derive(Debug, Clone, Copy)]
pub struct PresentedCode {
    pub device: CheckpointDeviceId,
    pub expires_at: Timestamp,
    pub hash: CodeHash,
}

impl SignInCodes {
    /// Its keys are derived from another key of the service.
    pub fn new(of: &Key, random: Arc<dyn Random>) -> Self {
        Self {
            tags: Key::new(keyed_hash(of, b"staff sign-in code tags")),
            hashes: Key::new(keyed_hash(of, b"staff sign-in code hashes")),
            random,
        }
    }

    pub fn issue(&self, device: CheckpointDeviceId, expires_at: Timestamp) -> String {
        let mut bytes = Vec::with_capacity(TAGGED + TAG);
        bytes.extend_from_slice(device.uuid().as_bytes());
        bytes.extend_from_slice(&expires_at.micros().to_be_bytes());
        bytes.extend_from_slice(&self.random.bytes::<RANDOM>());
        let tag = self.tag(&bytes);
        bytes.extend_from_slice(&tag);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes))
    }

    /// Reads a code; `None` if this service has not made it.
    pub fn read(&self, text: &str) -> Option<PresentedCode> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        if bytes.len() != TAGGED + TAG {
            return None;
        }
        let (tagged, tag) = bytes.split_at(TAGGED);
        if !bool::from(subtle::ConstantTimeEq::ct_eq(self.tag(tagged).as_slice(), tag)) {
            return None;
        }
        let (device, rest) = tagged.split_first_chunk::<DEVICE>()?;
        let end = rest.first_chunk::<END>()?;
        Some(PresentedCode {
            device: CheckpointDeviceId::from_uuid(Uuid::from_bytes(*device)),
            expires_at: Timestamp::from_micros(i64::from_be_bytes(*end)),
            hash: keyed_hash(&self.hashes, &bytes),
        })
    }

    fn tag(&self, tagged: &[u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&keyed_hash(&self.tags, tagged)[..TAG]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;

    use super::*;

    fn codes(seed: u64) -> SignInCodes {
        let key = Key::new([u8::try_from(seed).unwrap(); 32]);
        SignInCodes::new(&key, Arc::new(SeededRandom::new(seed)))
    }

    #[test]
    fn a_code_is_read_back_and_any_other_text_is_none() {
        let (own, other) = (codes(1), codes(2));
        let at = Timestamp::from_seconds(1_700_000_000);
        let device = CheckpointDeviceId::new(at, &SeededRandom::new(3));
        let text = own.issue(device, at);
        let read = own.read(&text).unwrap();
        assert_eq!((read.device, read.expires_at), (device, at));
        assert!(other.read(&text).is_none());
        assert_ne!(own.read(&own.issue(device, at)).unwrap().hash, read.hash);
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(own.read(&changed).is_none(), "{place}");
        }
        for wrong in [
            "",
            "LTS1.",
            "LTD1.x",
            &text[..text.len() - 4],
            &format!("{text}AAAA"),
        ] {
            assert!(own.read(wrong).is_none(), "{wrong}");
        }
    }
}
