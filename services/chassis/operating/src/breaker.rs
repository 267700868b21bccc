//! A circuit breaker: while nearly every call to a peer goes unanswered, further calls fail at once instead of waiting
//! for their deadlines, and one probe a second tests whether the peer is back.
//!
//! Only unanswered calls count: a call that was answered, with whatever error, reached its peer. There is one breaker
//! per peer and process; it stores nothing of the calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Length of the sliding window, in buckets of one second.
const SECONDS: usize = 10;
/// With fewer calls than this in the window the breaker stays closed.
const CALLS: u32 = 20;
/// How long an open breaker rejects every call before it lets a probe through.
const PAUSE: Duration = Duration::from_secs(1);

/// Cheap to clone; all clones share one state.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: Arc<Mutex<State>>,
    peer: Arc<str>,
}

#[derive(Debug)]
struct State {
    began: Instant,
    /// Ring buffer indexed by seconds since `began`, modulo its length.
    window: [Second; SECONDS],
    opened: Option<OpenState>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: u64,
    calls: u32,
    unanswered: u32,
}

#[derive(Debug)]
struct OpenState {
    until: Instant,
    /// Whether the probe is under way.
    probing: bool,
}

/// A call that was admitted. If it is dropped without an outcome (its caller was cancelled), it does not count.
#[derive(Debug)]
pub struct Attempt {
    breaker: Breaker,
    is_probe: bool,
    ended: bool,
}

impl Breaker {
    /// `peer` is the label of its metric, `lutong_breaker_open{peer}`.
    pub fn new(peer: &str) -> Self {
        metrics::gauge!("lutong_breaker_open", "peer" => peer.to_owned()).set(0.0);
        let state = State {
            began: Instant::now(),
            window: [Second::default(); SECONDS],
            opened: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            peer: peer.into(),
        }
    }

    /// `None` while the breaker is open: the call must not be made.
    pub fn admit(&self) -> Option<Attempt> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Option<Attempt> {
        let mut state = self.lock();
        let is_probe = match &mut state.opened {
            None => false,
            Some(opened) if opened.probing || now < opened.until => return None,
            Some(opened) => {
                opened.probing = true;
                true
            }
        };
        Some(Attempt {
            breaker: self.clone(),
            is_probe,
            ended: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, now: Instant, is_probe: bool, answered: bool) {
        let mut state = self.lock();
        if is_probe {
            if answered {
                state.opened = None;
                state.window = [Second::default(); SECONDS];
                self.report(false);
            } else {
                state.open(now);
            }
            return;
        }
        if state.opened.is_none() && state.count(now, answered) {
            state.open(now);
            self.report(true);
        }
    }

    fn report(&self, open: bool) {
        let peer = &*self.peer;
        metrics::gauge!("lutong_breaker_open", "peer" => peer.to_owned()).set(f64::from(u8::from(open)));
        if open {
            tracing::warn!(
                peer,
                "calls go unanswered; further ones fail at once until it answers"
            );
        } else {
            tracing::info!(peer, "answers again");
        }
    }
}

impl State {
    /// Counts a call; `true` if nearly every call in the window went unanswered.
    fn count(&mut self, now: Instant, answered: bool) -> bool {
        let number = now.duration_since(self.began).as_secs();
        let newest = &mut self.window[usize::try_from(number).unwrap_or_default() % SECONDS];
        if newest.number != number {
            *newest = Second {
                number,
                ..Second::default()
            };
        }
        newest.calls += 1;
        newest.unanswered += u32::from(!answered);
        let recent = |second: &&Second| second.number + (SECONDS as u64) > number;
        let (calls, unanswered) = self
            .window
            .iter()
            .filter(recent)
            .fold((0, 0), |(calls, unanswered), second| {
                (calls + second.calls, unanswered + second.unanswered)
            });
        calls >= CALLS && unanswered * 10 >= calls * 9
    }

    fn open(&mut self, now: Instant) {
        self.opened = Some(OpenState {
            until: now + PAUSE,
            probing: false,
        });
    }
}

impl Attempt {
    pub fn answered(self) {
        self.end_at(Instant::now(), true);
    }

    pub fn unanswered(self) {
        self.end_at(Instant::now(), false);
    }

    fn end_at(mut self, now: Instant, answered: bool) {
        self.ended = true;
        self.breaker.count(now, self.is_probe, answered);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_probe && !self.ended {
            // The next call becomes the probe.
            if let Some(opened) = &mut self.breaker.lock().opened {
                opened.probing = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, now: Instant, times: u32) {
        for _ in 0..times {
            breaker.admit_at(now).unwrap().end_at(now, false);
        }
    }

    #[test]
    fn it_opens_when_nearly_every_call_goes_unanswered_and_closes_by_one_answer() {
        let (breaker, now) = (Breaker::new("peer"), Instant::now());
        fail(&breaker, now, CALLS);
        assert!(breaker.admit_at(now + PAUSE / 2).is_none());
        let now = now + PAUSE;
        let probe = breaker.admit_at(now).unwrap();
        assert!(breaker.admit_at(now).is_none(), "one call finds out, not a crowd");
        probe.end_at(now, false);
        assert!(breaker.admit_at(now + PAUSE / 2).is_none());
        let now = now + PAUSE;
        breaker.admit_at(now).unwrap().end_at(now, true);
        fail(&breaker, now, CALLS - 1);
        assert!(breaker.admit_at(now).is_some(), "what was before is forgotten");
    }

    #[test]
    fn it_stays_closed_while_calls_are_answered_or_few() {
        let (breaker, mut now) = (Breaker::new("peer"), Instant::now());
        for _ in 0..100 {
            fail(&breaker, now, 5);
            breaker.admit_at(now).unwrap().end_at(now, true);
        }
        assert!(breaker.admit_at(now).is_some());
        let quiet = Breaker::new("peer");
        for _ in 0..100 {
            fail(&quiet, now, 1);
            now += Duration::from_secs(1);
        }
        assert!(
            quiet.admit_at(now).is_some(),
            "a call a second is no load to shed"
        );
    }

    #[test]
    fn a_probe_whose_caller_went_away_leaves_the_next_call_to_find_out() {
        let (breaker, now) = (Breaker::new("peer"), Instant::now());
        fail(&breaker, now, CALLS);
        let now = now + PAUSE;
        drop(breaker.admit_at(now).unwrap());
        breaker.admit_at(now).unwrap().end_at(now, true);
        assert!(breaker.admit_at(now).is_some());
    }

    #[test]
    fn late_answers_of_calls_made_before_it_opened_do_not_close_it() {
        let (breaker, now) = (Breaker::new("peer"), Instant::now());
        let late = breaker.admit_at(now).unwrap();
        fail(&breaker, now, CALLS);
        late.end_at(now, true);
        assert!(breaker.admit_at(now).is_none());
    }
}
