//! The keys of sessions, all made from the one that the replicas of a gateway share.

use lutong_storage::crypto::{Key, keyed_hash};
use lutong_transport::access::PrincipalKey;

/// What the CSRF key is derived for; another purpose would be another key.
const CSRF_PURPOSE: &[u8] = b"lutong-gateway-csrf/1";

/// What sessions are sealed with, and what CSRF tokens are made with.
#[derive(Debug, Clone)]
pub struct SessionKeys {
    pub seal: PrincipalKey,
    pub(crate) csrf: Key,
}

impl SessionKeys {
    /// From the key `session` of the mesh.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            csrf: Key::new(keyed_hash(&Key::new(key), CSRF_PURPOSE)),
            seal: PrincipalKey::session(key),
        }
    }
}
