//! When those who were turned away shall come again: the later the more of them there are, and spread, so that they do not come together.
//!
//! Turning a call away costs far less than answering it, and not nothing. Every half second the delay is set so that refusals become a quarter
//! of the calls that are let in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);
/// How often it is set.
const SPAN: Duration = Duration::from_millis(500);
/// Refusals for each call that is let in.
const PART: f64 = 0.25;
/// The delay at most doubles and at most halves at once: what it does shows only after it is over.
const STEP: f64 = 2.0;
/// Of the golden ratio: its multiples fall evenly between 0 and 1, however many there are (Weyl's sequence).
const GOLDEN: f64 = 0.618_033_988_749_895;

/// The delay of one pool.
#[derive(Debug)]
pub struct RetryDelay {
    /// Calls let in since the delay was set.
    admitted: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    set_at: Instant,
    delay: Duration,
    /// Refusals since then, and in all.
    refused: u32,
    number: u32,
}

impl RetryDelay {
    pub fn new() -> Self {
        Self::new_at(Instant::now())
    }

    fn new_at(now: Instant) -> Self {
        Self {
            admitted: AtomicU64::new(0),
            state: Mutex::new(State {
                set_at: now,
                delay: SHORTEST,
                refused: 0,
                number: 0,
            }),
        }
    }

    pub fn admitted(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    /// The delay of one more call that is turned away, between half and one and a half times the delay in force.
    pub fn refused(&self) -> Duration {
        self.refused_at(Instant::now())
    }

    fn refused_at(&self, now: Instant) -> Duration {
        // No code under this lock can panic, so that a poisoned state is consistent.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = now.saturating_duration_since(state.set_at);
        if elapsed >= SPAN {
            let admitted = self.admitted.swap(0, Ordering::Relaxed);
            state.set(now, elapsed, admitted);
        }
        state.refused = state.refused.saturating_add(1);
        state.number = state.number.wrapping_add(1);
        state
            .delay
            .mul_f64(0.5 + (f64::from(state.number) * GOLDEN).fract())
    }
}

impl State {
    #[allow(clippy::cast_precision_loss)] // a ratio
    fn set(&mut self, now: Instant, elapsed: Duration, admitted: u64) {
        // So long without a refusal, the pressure is over.
        let is_over = elapsed > 2 * LONGEST;
        let wanted = f64::from(self.refused) / (admitted.max(1) as f64 * PART);
        let factor = wanted.clamp(1.0 / STEP, STEP);
        self.delay = if is_over {
            SHORTEST
        } else {
            self.delay.mul_f64(factor).clamp(SHORTEST, LONGEST)
        };
        self.set_at = now;
        self.refused = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A span in which so many calls are let in and so many turned away; the least, the middle and the greatest delay of these.
    fn span(delay: &RetryDelay, now: &mut Instant, admitted: u32, refused: u32) -> [Duration; 3] {
        let mut delays: Vec<_> = (0..refused).map(|_| delay.refused_at(*now)).collect();
        (0..admitted).for_each(|_| delay.admitted());
        *now += SPAN;
        delays.sort_unstable();
        [delays[0], delays[delays.len() / 2], delays[delays.len() - 1]]
    }

    fn is_near(delay: Duration, expected: Duration) -> bool {
        delay.abs_diff(expected) < expected / 20
    }

    #[test]
    fn a_few_come_again_after_about_half_a_second_evenly_spread() {
        let mut now = Instant::now();
        let delay = RetryDelay::new_at(now);
        for _ in 0..5 {
            let [least, middle, most] = span(&delay, &mut now, 1_000, 100);
            assert!(is_near(least, SHORTEST / 2), "{least:?}");
            assert!(is_near(middle, SHORTEST), "{middle:?}");
            assert!(is_near(most, SHORTEST * 3 / 2), "{most:?}");
        }
    }

    #[test]
    fn the_more_are_turned_away_the_later_they_come_until_ten_seconds_and_sooner_again_afterwards() {
        let mut now = Instant::now();
        let delay = RetryDelay::new_at(now);
        let mut middles = Vec::new();
        for _ in 0..8 {
            middles.push(span(&delay, &mut now, 1_000, 10_000)[1]);
        }
        for (before, after) in middles.iter().zip(&middles[1..]) {
            assert!(is_near(*after, (*before * 2).min(LONGEST)), "{middles:?}");
        }
        assert!(is_near(middles[7], LONGEST));
        // A quarter of those that are let in keep it.
        span(&delay, &mut now, 1_000, 250);
        assert!(is_near(span(&delay, &mut now, 1_000, 250)[1], LONGEST));
        for _ in 0..6 {
            span(&delay, &mut now, 1_000, 10);
        }
        // Ten delays are not spread as evenly as a hundred.
        assert!(span(&delay, &mut now, 1_000, 10)[2] < SHORTEST * 2);
    }

    #[test]
    fn after_a_quiet_time_it_is_the_shortest_again() {
        let mut now = Instant::now();
        let delay = RetryDelay::new_at(now);
        for _ in 0..8 {
            span(&delay, &mut now, 0, 1_000);
        }
        now += Duration::from_secs(60);
        assert!(is_near(span(&delay, &mut now, 0, 1_000)[1], SHORTEST));
    }
}
