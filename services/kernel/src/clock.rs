//! The clock as an argument. The wall clock is read in one place of the chassis only.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::time::Timestamp;

/// A source of the current time, passed as `Arc<dyn Clock>`.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// A clock that changes only when it is set, for tests and `lutong tour`. Clones show the same time. It can be changed
/// inside the process only: no RPC, flag or header reaches it.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.micros())))
    }

    /// Moves the clock forward; fractions of a microsecond are dropped.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// Moves the clock to `to`, which may be earlier.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_one_of_its_clones_is_moved() {
        let start = Timestamp::from_seconds(1_650_000_000);
        let clock = ManualClock::at(start);
        let clone = clock.clone();
        assert_eq!([clock.now(), clock.now()], [start; 2]);
        clone.advance(Duration::from_micros(1_500_001));
        assert_eq!(clock.now(), start.plus_micros(1_500_001));
        clone.set(start.plus_seconds(-5));
        assert_eq!(clock.now(), start.plus_seconds(-5));
    }
}
