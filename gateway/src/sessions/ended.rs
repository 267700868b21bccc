//! Sessions that were signed out. A session is stateless and would hold until its time is over; the process that signed
//! it out refuses it until then. Another replica does not know of it: its cookie is gone from the browser, which is what
//! ends it there.

use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::session_id::SessionId;

/// Signed-out sessions remembered at the most. Only whoever holds a session can sign it out and sign-ins are limited by
/// rate, so this is more than a day of ordinary use has; beyond it the one that was asked about longest ago is forgotten.
const MOST: u64 = 200_000;

pub struct EndedSessions(Cache<SessionId, ()>);

impl EndedSessions {
    /// `ttl`: how long a session holds, and so how long its end must be remembered.
    pub fn new(ttl: Duration) -> Self {
        let cache = Cache::builder()
            .max_capacity(MOST)
            // Never refuses a new entry, as the default policy may.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(ttl)
            .build();
        Self(cache)
    }

    pub fn add(&self, id: SessionId) {
        self.0.insert(id, ());
    }

    pub fn contains(&self, id: &SessionId) -> bool {
        self.0.contains_key(id)
    }
}
