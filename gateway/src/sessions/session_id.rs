//! What a session is known by in this process.

use sha2::{Digest as _, Sha256};

/// The hash of a session, so that no session is kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 32]);

impl SessionId {
    pub fn of(session: &str) -> Self {
        Self(Sha256::digest(session).into())
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
