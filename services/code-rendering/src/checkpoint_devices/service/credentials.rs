//! Makes and reads the credentials of devices.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lutong_kernel::{CheckpointDeviceId, Random, Secret};
use lutong_storage::crypto::{Key, keyed_hash};
use uuid::Uuid;

use crate::checkpoint_devices::domain::CredentialHash;

/// What a credential begins with, so that it is recognised where it does not belong.
const PREFIX: &str = "LTD1.";
/// Bytes: device, generation, secret, tag.
const DEVICE: usize = 16;
const GENERATION: usize = 8;
const SECRET: usize = 32;
const TAG: usize = 16;
const SIGNED: usize = DEVICE + GENERATION + SECRET;

/// Makes credentials. A tag says that this service has made one: what is found is either good, or a copy of one that was good.
#[derive(Clone)]
pub struct Credentials {
    tags: Key,
    hashes: Key,
    random: Arc<dyn Random>,
}

/// A credential that this service has made.
#[derive(Debug, Clone)]
pub struct PresentedCredential {
    pub device: CheckpointDeviceId,
    pub generation: i64,
    pub hash: CredentialHash,
}

impl Credentials {
    /// Its keys are derived from another key of the service.
    pub fn new(of: &Key, random: Arc<dyn Random>) -> Self {
        Self {
            tags: Key::new(keyed_hash(of, b"device credential tags")),
            hashes: Key::new(keyed_hash(of, b"device credential hashes")),
            random,
        }
    }

    /// A new credential, and what is stored of it.
    pub fn issue(&self, device: CheckpointDeviceId, generation: i64) -> (Secret<String>, CredentialHash) {
        let mut bytes = Vec::with_capacity(SIGNED + TAG);
        bytes.extend_from_slice(device.uuid().as_bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        bytes.extend_from_slice(&self.random.bytes::<SECRET>());
        let tag = self.tag(&bytes);
        bytes.extend_from_slice(&tag);
        let hash = keyed_hash(&self.hashes, &bytes);
        (
            Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes))),
            hash,
        )
    }

    /// Reads a credential; `None` if this service has not made it.
    pub fn read(&self, text: &str) -> Option<PresentedCredential> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        if bytes.len() != SIGNED + TAG {
            return None;
        }
        let (signed, tag) = bytes.split_at(SIGNED);
        if !bool::from(subtle::ConstantTimeEq::ct_eq(self.tag(signed).as_slice(), tag)) {
            return None;
        }
        let (device, rest) = signed.split_first_chunk::<DEVICE>()?;
        let generation = rest.first_chunk::<GENERATION>()?;
        Some(PresentedCredential {
            device: CheckpointDeviceId::from_uuid(Uuid::from_bytes(*device)),
            generation: i64::from_be_bytes(*generation),
            hash: keyed_hash(&self.hashes, &bytes),
        })
    }

    fn tag(&self, signed: &[u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&keyed_hash(&self.tags, signed)[..TAG]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::Timestamp;
    use lutong_kernel::random::SeededRandom;

    use super::*;

    fn credentials(seed: u64) -> Credentials {
        let key = Key::new([u8::try_from(seed).unwrap(); 32]);
        Credentials::new(&key, Arc::new(SeededRandom::new(seed)))
    }

    #[test]
    fn a_credential_is_read_back_and_any_other_text_is_none() {
        let (own, other) = (credentials(1), credentials(2));
        let device = CheckpointDeviceId::new(Timestamp::from_seconds(0), &SeededRandom::new(3));
        let (text, hash) = own.issue(device, 7);
        let text = text.expose();
        let read = own.read(text).unwrap();
        assert_eq!((read.device, read.generation, read.hash), (device, 7, hash));
        assert!(text.len() <= 200, "{}", text.len());
        assert!(other.read(text).is_none());
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(own.read(&changed).is_none(), "{at}");
        }
        for wrong in [
            "",
            "LTD1.",
            "LT1:x",
            &text[..text.len() - 4],
            &format!("{text}AAAA"),
        ] {
            assert!(own.read(wrong).is_none(), "{wrong}");
        }
        assert_ne!(own.issue(device, 7).0.expose(), text);
    }
}
