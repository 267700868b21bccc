//! A chain of entries: each an HMAC over its content and the entry before it. Whoever changes, removes, inserts or
//! reorders what it was made over breaks it, and without the key nobody makes it whole again.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// One link: 32 bytes that say nothing without the key.
pub type Entry = [u8; 32];

/// Before the first entry of a chain.
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
    pub fn new(material: &[u8; 32], label: &str) -> Option<Self> {
        let mut mac = Hmac::new_from_slice(material).ok()?;
        mac.update(label.as_bytes());
        Some(Self(mac))
    }

    /// The entry of something: its content in one spelling, after `previous`.
    pub fn entry(&self, previous: &Entry, content: &[u8]) -> Entry {
        let mut mac = self.0.clone();
        mac.update(previous);
        mac.update(content);
        mac.finalize().into_bytes().into()
    }
}
