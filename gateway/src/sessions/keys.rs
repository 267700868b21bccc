//! The keys of sessions, all made from the one that the replicas of a gateway share.

use lutong_storage::crypto::{Key, keyed_hash};
use lutong_transport::access::PrincipalKey;

/// What the CSRF key is derived for; another purpose would be another key.
const CSRF_PURPOSE: &[u8] = b"lutong-gateway-csrf/1";

/// What the key of sign-ins on their way is derived for.
const ATTEMPT_PURPOSE: &[u8] = b"lutong-gateway-attempt/1";

/// What the key of the hashes of networks is derived for.
const NETWORK_PURPOSE: &[u8] = b"lutong-gateway-network/1";

/// What sessions are sealed with, what CSRF tokens are made with, what sign-ins on their way are sealed with, and what
/// networks are hashed with.
#[derive(Debug, Clone)]
pub struct SessionKeys {
    pub seal: PrincipalKey,
    pub(crate) csrf: Key,
    pub(crate) attempt: Key,
    pub(crate) network: Key,
}

impl SessionKeys {
    /// From the key `session` of the mesh.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            csrf: Key::new(keyed_hash(&Key::new(key), CSRF_PURPOSE)),
            attempt: Key::new(keyed_hash(&Key::new(key), ATTEMPT_PURPOSE)),
            network: Key::new(keyed_hash(&Key::new(key), NETWORK_PURPOSE)),
            seal: PrincipalKey::session(key),
        }
    }
}
