//! How many calls, streams or connections of one account or address are under way at once.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Parts of the table, so that calls on many cores seldom wait for each other.
const PARTS: usize = 16;

/// Counts what is under way of each key and refuses more than its limit; cheap to clone. It remembers only keys that
/// have something under way, so it is as large as the traffic and no larger.
#[derive(Debug, Clone)]
pub struct UnderWay<K>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K> {
    /// Zero: no limit.
    limit: usize,
    hasher: RandomState,
    parts: [Mutex<HashMap<K, usize>>; PARTS],
}

/// One place of a key; given back when dropped.
#[derive(Debug)]
pub struct Place<K: Hash + Eq> {
    of: Option<(Arc<Inner<K>>, K)>,
}

impl<K: Hash + Eq + Clone> UnderWay<K> {
    /// At most `limit` of one key; zero is no limit.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            limit,
            hasher: RandomState::new(),
            parts: std::array::from_fn(|_| Mutex::default()),
        }))
    }

    /// A place of `key`, or `None` when all are taken.
    pub fn enter(&self, key: K) -> Option<Place<K>> {
        if self.0.limit == 0 {
            return Some(Place { of: None });
        }
        match self.0.part(&key).entry(key.clone()) {
            Entry::Occupied(taken) if *taken.get() >= self.0.limit => return None,
            Entry::Occupied(mut taken) => *taken.get_mut() += 1,
            Entry::Vacant(none) => *none.insert(0) += 1,
        }
        Some(Place {
            of: Some((Arc::clone(&self.0), key)),
        })
    }

    /// How many keys have something under way.
    pub fn keys(&self) -> usize {
        self.0.parts.iter().map(|part| lock(part).len()).sum()
    }
}

impl<K: Hash + Eq> Inner<K> {
    fn part(&self, key: &K) -> MutexGuard<'_, HashMap<K, usize>> {
        // The remainder is less than the number of parts, whatever the hash loses here.
        #[allow(clippy::cast_possible_truncation)]
        let at = self.hasher.hash_one(key) as usize % PARTS;
        lock(&self.parts[at])
    }
}

/// A count is whole between any two statements: a panic elsewhere does not spoil it.
fn lock<K>(part: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Hash + Eq> Drop for Place<K> {
    fn drop(&mut self) {
        let Some((inner, key)) = self.of.take() else {
            return;
        };
        let mut part = inner.part(&key);
        let left = part.get_mut(&key).map(|taken| {
            *taken -= 1;
            *taken
        });
        if left == Some(0) {
            part.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_has_so_many_places_and_others_are_left_alone() {
        let under_way = UnderWay::new(2);
        let first = under_way.enter("a").unwrap();
        let _second = under_way.enter("a").unwrap();
        assert!(under_way.enter("a").is_none());
        let other = under_way.enter("b").unwrap();
        drop(first);
        let _again = under_way.enter("a").unwrap();
        assert!(under_way.enter("a").is_none());
        assert_eq!(under_way.keys(), 2);
        drop(other);
        assert_eq!(under_way.keys(), 1, "a key that is quiet is forgotten");
    }

    #[test]
    fn zero_is_no_limit() {
        let under_way = UnderWay::new(0);
        let places: Vec<_> = (0..1_000).map(|_| under_way.enter(7).unwrap()).collect();
        assert_eq!((places.len(), under_way.keys()), (1_000, 0));
    }
}
