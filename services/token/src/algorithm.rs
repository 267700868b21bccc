//! Algorithms of signatures.

use std::fmt;

/// The algorithms a token may be signed with. SM2 with SM3 is to follow by configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    Ed25519,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Es256 => "es256",
        }
    }

    /// The number in COSE's registry.
    pub const fn cose_number(self) -> i64 {
        match self {
            Self::Ed25519 => -8,
            Self::Es256 => -7,
        }
    }

    /// The same number as CBOR writes it.
    pub(crate) const fn cose_byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x27,
            Self::Es256 => 0x26,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
