//! How many calls may be sent again. When every replica is in trouble, repeating every call would multiply the load that
//! caused it: repetitions are a fifth of all calls, and a few a second where there are hardly any.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What a call adds, in hundredths of a repetition.
const ADDED: u64 = 20;
/// What a repetition takes.
const TAKEN: u64 = 100;
/// The most that is saved up: enough for every call that a replica holds when it dies.
const MOST: u64 = 256 * TAKEN;
/// Repetitions a second that are allowed however few calls there are.
const FLOOR_PER_S: u32 = 10;

/// A token bucket.
#[derive(Debug)]
pub struct RetryBudget(Mutex<Bucket>);

#[derive(Debug)]
struct Bucket {
    saved: u64,
    /// The second of the floor: when it began, and what it has left.
    second: Option<Instant>,
    floor: u32,
}

impl RetryBudget {
    pub fn new() -> Self {
        Self(Mutex::new(Bucket {
            saved: MOST / 4,
            second: None,
            floor: 0,
        }))
    }

    /// Notes a call.
    pub fn add(&self) {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.saved = (bucket.saved + ADDED).min(MOST);
    }

    /// Takes a repetition, if there is one left.
    pub fn take(&self, now: Instant) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bucket.saved >= TAKEN {
            bucket.saved -= TAKEN;
            return true;
        }
        let in_second = |begun: Instant| now.saturating_duration_since(begun) < Duration::from_secs(1);
        if !bucket.second.is_some_and(in_second) {
            bucket.second = Some(now);
            bucket.floor = FLOOR_PER_S;
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
        // What it begins with, and the floor.
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
