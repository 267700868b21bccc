//! The keys whose signatures a verifier accepts, and the provinces that they may sign for.

use std::collections::HashMap;

use lutong_kernel::Timestamp;

use crate::issuer::Issuer;
use crate::kid::Kid;
use crate::verifying_key::VerifyingKey;

/// The greatest difference between the clocks of issuer and verifier that is tolerated.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 30;

/// A published key with its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    pub key: VerifyingKey,
    /// The provinces it may sign for.
    pub issuers: Vec<Issuer>,
    /// A token that begins earlier is not accepted.
    pub not_before: Timestamp,
    /// From this instant on no token is accepted, whatever time it states: a retired key cannot sign a token with an
    /// earlier date. Its owner sets this to the end of signing plus the longest lifetime of a token (paper: 14 days).
    /// `None` while the key is in use.
    pub not_after: Option<Timestamp>,
    /// From this instant on every token that the key ever signed is refused.
    pub revoked_at: Option<Timestamp>,
}

impl TrustedKey {
    /// Whether the key is revoked at an instant.
    pub fn is_revoked(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some_and(|at| at <= now)
    }

    /// Whether what the key signs now is accepted, with the tolerance for different clocks.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        let later = |at: Timestamp| at.plus_seconds(CLOCK_TOLERANCE_SECONDS);
        let has_ended = self.not_after.is_some_and(|end| later(end) <= now);
        !self.is_revoked(now) && !has_ended && self.not_before <= later(now)
    }
}

/// The trusted keys of a verifier, by kid.
#[derive(Clone, Debug, Default)]
pub struct VerifyingKeys(HashMap<Kid, TrustedKey>);

/// Two different keys have one kid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another key with the kid {0} is trusted already")]
pub struct TrustError(pub Kid);

impl VerifyingKeys {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, or replaces the limits of the same key. Another key with a kid that is present is refused.
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

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;

    use super::*;
    use crate::algorithm::Algorithm;
    use crate::key::SigningKey;

    fn trusted(seed: u64) -> TrustedKey {
        let key = SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap();
        TrustedKey {
            key: key.verifying_key().clone(),
            issuers: vec![Issuer::SHANDONG],
            not_before: Timestamp::MIN,
            not_after: None,
            revoked_at: None,
        }
    }

    #[test]
    fn keys_are_found_by_their_kid() {
        let mut keys = VerifyingKeys::new();
        assert!(keys.is_empty());
        keys.insert(trusted(1)).unwrap();
        keys.insert(trusted(2)).unwrap();
        assert!(!keys.is_empty());
        assert_eq!((keys.len(), keys.iter().count()), (2, 2));
        assert_eq!(keys.get(trusted(2).key.kid()), Some(&trusted(2)));
        assert_eq!(keys.get(trusted(3).key.kid()), None);
    }

    #[test]
    fn the_limits_of_a_key_can_be_replaced() {
        let revoked = TrustedKey {
            revoked_at: Some(Timestamp::from_seconds(10)),
            ..trusted(1)
        };
        let mut keys = VerifyingKeys::new();
        keys.insert(trusted(1)).unwrap();
        keys.insert(revoked.clone()).unwrap();
        assert_eq!((keys.len(), keys.get(revoked.key.kid())), (1, Some(&revoked)));
    }

    #[test]
    fn another_key_with_a_kid_that_is_present_is_refused() {
        let kid = trusted(1).key.kid();
        let impostor = TrustedKey {
            key: trusted(2).key.with_kid(kid),
            ..trusted(2)
        };
        let mut keys = VerifyingKeys::new();
        keys.insert(trusted(1)).unwrap();
        assert_eq!(keys.insert(impostor), Err(TrustError(kid)));
        assert_eq!(keys.get(kid), Some(&trusted(1)));
    }

    #[test]
    fn a_key_is_revoked_from_the_instant_of_its_revocation_on() {
        let at = Timestamp::from_seconds(10);
        let revoked = TrustedKey {
            revoked_at: Some(at),
            ..trusted(1)
        };
        assert!(!revoked.is_revoked(at.plus_micros(-1)));
        assert!(revoked.is_revoked(at));
        assert!(!trusted(1).is_revoked(Timestamp::MAX));
    }
}
