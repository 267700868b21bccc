//! A chain of entries: each an HMAC over its content and the entry before it. Changing, removing, inserting or
//! reordering the content breaks the chain, and it cannot be repaired without the key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// One link: a MAC of 32 bytes.
pub type Entry = [u8; 32];

/// The predecessor of a chain's first entry.
pub const BEGINNING: Entry = [0; 32];

/// The key of one kind of chain.
#[derive(Clone)]
pub struct ChainKey(Hmac<Sha256>);

impl std::fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainKey(***)")
    }
}

impl ChainKey {
    /// From key material, for entries of the kind that `label` names: the same material under another label makes
    /// other entries.
    pub fn new(material: &[u8; 32], label: &str) -> Self {
        // A key that is shorter than a block of the hash is filled up with zeros, as RFC 2104 has it.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..material.len()].copy_from_slice(material);
        let mut mac = Hmac::new(&block);
        mac.update(label.as_bytes());
        Self(mac)
    }

    /// The entry of `content` (in its canonical encoding) after `previous`.
    pub fn entry(&self, previous: &Entry, content: &[u8]) -> Entry {
        let mut mac = self.0.clone();
        mac.update(previous);
        mac.update(content);
        mac.finalize().into_bytes().into()
    }
}
