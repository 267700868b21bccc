//! Limits concurrent calls, streams or connections per account or address.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shards of the table, to reduce lock contention.
const SHARDS: usize = 16;

/// Counts what is in progress per key and refuses more than the limit; cheap to clone. Only keys with something in
/// progress are stored, so its size is bounded by the traffic.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit<K>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K> {
    /// Zero means no limit.
    limit: usize,
    hasher: RandomState,
    shards: [Mutex<HashMap<K, usize>>; SHARDS],
}

/// One slot of a key; released when dropped.
#[derive(Debug)]
pub struct ConcurrencySlot<K: Hash + Eq> {
    of: Option<(Arc<Inner<K>>, K)>,
}

impl<K: Hash + Eq + Clone> ConcurrencyLimit<K> {
    /// At most `limit` slots per key; zero means no limit.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            limit,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }))
    }

    /// Takes a slot of `key`; `None` if all are taken.
    pub fn enter(&self, key: K) -> Option<ConcurrencySlot<K>> {
        if self.0.limit == 0 {
            return Some(ConcurrencySlot { of: None });
        }
        match self.0.shard(&key).entry(key.clone()) {
            Entry::Occupied(taken) if *taken.get() >= self.0.limit => return None,
            Entry::Occupied(mut taken) => *taken.get_mut() += 1,
            Entry::Vacant(none) => *none.insert(0) += 1,
        }
        Some(ConcurrencySlot {
            of: Some((Arc::clone(&self.0), key)),
        })
    }

    /// The number of keys with a slot taken.
    pub fn keys(&self) -> usize {
        self.0.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

impl<K: Hash + Eq> Inner<K> {
    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, usize>> {
        // Truncating the hash is harmless: only the remainder is used.
        #[allow(clippy::cast_possible_truncation)]
        let at = self.hasher.hash_one(key) as usize % SHARDS;
        lock(&self.shards[at])
    }
}

/// Counts are consistent between any two statements, so a poisoned lock is still usable.
fn lock<K>(shard: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Hash + Eq> Drop for ConcurrencySlot<K> {
    fn drop(&mut self) {
        let Some((inner, key)) = self.of.take() else {
            return;
        };
        let mut shard = inner.shard(&key);
        let left = shard.get_mut(&key).map(|taken| {
            *taken -= 1;
            *taken
        });
        if left == Some(0) {
            shard.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_has_so_many_places_and_others_are_left_alone() {
        let limit = ConcurrencyLimit::new(2);
        let first = limit.enter("a").unwrap();
        let _second = limit.enter("a").unwrap();
        assert!(limit.enter("a").is_none());
        let other = limit.enter("b").unwrap();
        drop(first);
        let _again = limit.enter("a").unwrap();
        assert!(limit.enter("a").is_none());
        assert_eq!(limit.keys(), 2);
        drop(other);
        assert_eq!(limit.keys(), 1, "a key that is quiet is forgotten");
    }

    #[test]
    fn zero_is_no_limit() {
        let limit = ConcurrencyLimit::new(0);
        let slots: Vec<_> = (0..1_000).map(|_| limit.enter(7).unwrap()).collect();
        assert_eq!((slots.len(), limit.keys()), (1_000, 0));
    }
}
