//! The keys that are believed, and for whom.

use std::collections::HashMap;

use lutong_kernel::Timestamp;

use crate::issuer::Issuer;
use crate::key::VerifyingKey;
use crate::kid::Kid;

/// One published key with what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    pub key: VerifyingKey,
    /// The provinces it may sign for.
    pub issuers: Vec<Issuer>,
    /// No token that begins earlier is accepted under it.
    pub not_before: Timestamp,
    /// From then on no token at all is accepted under it, whatever the token says of its own age: a key that was put
    /// away cannot be used to write an old date. Its owner sets this to the end of signing plus the longest life of a
    /// token (paper: 14 days). `None`: not yet decided.
    pub not_after: Option<Timestamp>,
    /// From then on everything it ever signed is refused.
    pub revoked_at: Option<Timestamp>,
}

impl TrustedKey {
    pub(crate) fn is_revoked(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some_and(|at| at <= now)
    }
}

/// Every key a verifier believes, by kid.
#[derive(Clone, Debug, Default)]
pub struct VerifyingKeys(HashMap<Kid, TrustedKey>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another key with the kid {0} is trusted already")]
pub struct TrustError(pub Kid);

impl VerifyingKeys {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, or renews what is said of the same key. A second key under one kid is refused, never preferred.
    pub fn insert(&mut self, trusted: TrustedKey) -> Result<(), TrustError> {
        let kid = trusted.key.kid();
        if self.0.get(&kid).is_some_and(|known| known.key != trusted.key) {
            return Err(TrustError(kid));
        }
        self.0.insert(kid, trusted);
        Ok(())
    }

    pub fn get(&self, kid: Kid) -> Option<&TrustedKey> {
        self.0.get(&kid)
    }

    pub fn iter(&self) -> impl Iterator<Item = &TrustedKey> {
        self.0.values()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
