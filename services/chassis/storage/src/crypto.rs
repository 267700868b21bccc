//! Cryptography: key files, field encryption, blind index, fingerprints, hash chains.

mod chain;
mod field_cipher;
mod key_file;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

pub use chain::{BEGINNING, ChainKey, Entry};
pub use field_cipher::{CipherError, FieldCipher, ReadyCipher};
pub use field_cipher::{open_under, seal_under};
pub use key_file::hex;
pub use key_file::{Key, KeyFile, KeyFileError};

/// HMAC-SHA-256 under a key: the blind index of documents, the fingerprint of request bodies.
pub fn keyed_hash(key: &Key, data: &[u8]) -> [u8; 32] {
    match Hmac::<Sha256>::new_from_slice(key.expose()) {
        Ok(mut mac) => {
            mac.update(data);
            mac.finalize().into_bytes().into()
        }
        // HMAC takes a key of any length.
        Err(_) => [0; 32],
    }
}
