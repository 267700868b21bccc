//! The retry budget. When every replica is overloaded, retrying every call would multiply the load, so retries are
//! limited to a fifth of all calls, and a few per second at low traffic.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What a call adds to the budget, in hundredths of a retry.
const PER_CALL: u64 = 20;
/// What a retry takes from it.
const PER_RETRY: u64 = 100;
/// Maximum of the budget: enough to retry every call in flight at a replica that dies.
const MAX_SAVED: u64 = 256 * PER_RETRY;
/// Retries per second that are allowed at any traffic.
const FLOOR_PER_SECOND: u32 = 10;

/// A token bucket.
#[derive(Debug)]
pub struct RetryBudget(Mutex<Bucket>);

#[derive(Debug)]
struct Bucket {
    saved: u64,
    /// When the current second of the floor began; `floor` is what it has left.
    second: Option<Instant>,
    floor: u32,
}

impl RetryBudget {
    pub fn new() -> Self {
        Self(Mutex::new(Bucket {
            saved: MAX_SAVED / 4,
            second: None,
            floor: 0,
        }))
    }

    /// Counts a call.
    pub fn add(&self) {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.saved = (bucket.saved + PER_CALL).min(MAX_SAVED);
    }

    /// Takes a retry from the budget, if there is one left.
    pub fn take(&self, now: Instant) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bucket.saved >= PER_RETRY {
            bucket.saved -= PER_RETRY;
            return true;
        }
        let in_second = |begun: Instant| now.saturating_duration_since(begun) < Duration::from_secs(1);
        if !bucket.second.is_some_and(in_second) {
            bucket.second = Some(now);
            bucket.floor = FLOOR_PER_SECOND;
        }
        let left = bucket.floor.checked_sub(1);
        bucket.floor = left.unwrap_or(0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &RetryBudget, tries: usize, now: Instant) -> usize {
        (0..tries).filter(|_| budget.take(now)).count()
    }

    #[tokio::test]
    async fn a_fifth_of_the_calls_may_be_sent_again_and_ten_a_second_in_any_case() {
        let budget = RetryBudget::new();
        let now = Instant::now();
        // The initial budget and the floor.
        assert_eq!(taken(&budget, 1_000, now), 64 + 10);
        for _ in 0..500 {
            budget.add();
        }
        assert_eq!(taken(&budget, 1_000, now), 100);
        let later = now + Duration::from_millis(1_100);
        assert_eq!(taken(&budget, 1_000, later), 10);
        assert_eq!(taken(&budget, 1_000, later), 0);
    }

    #[tokio::test]
    async fn what_is_saved_up_has_a_bound() {
        let budget = RetryBudget::new();
        for _ in 0..100_000 {
            budget.add();
        }
        assert_eq!(taken(&budget, 10_000, Instant::now()), 256 + 10);
    }
}
