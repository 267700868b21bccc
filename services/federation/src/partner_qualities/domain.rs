//! What is counted of a partner, and when it is away. Pure.

use std::time::Duration;

use lutong_kernel::Timestamp;

use crate::colour_maps::domain::RecognitionOutcome;

/// Seconds of an hour, by which it is counted.
const HOUR: i64 = 3_600;
/// For how long counts are kept.
const KEPT_HOURS: i64 = 721;

/// Something that happened with a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A call of ours came out so; `Ok`: it was answered.
    Called(Result<(), RecognitionOutcome>),
    AcceptedMessage,
    RefusedMessage,
    RefusedCode,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub calls: u64,
    pub answered: u64,
    pub throttled: u64,
    pub unreachable: u64,
    pub unbelieved: u64,
    pub accepted_messages: u64,
    pub refused_messages: u64,
    pub refused_codes: u64,
    pub outages: u64,
    pub outage_seconds: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        let Self {
            calls,
            answered,
            throttled,
            unreachable,
            unbelieved,
            accepted_messages,
            refused_messages,
            refused_codes,
            outages,
            outage_seconds,
        } = other;
        self.calls += calls;
        self.answered += answered;
        self.throttled += throttled;
        self.unreachable += unreachable;
        self.unbelieved += unbelieved;
        self.accepted_messages += accepted_messages;
        self.refused_messages += refused_messages;
        self.refused_codes += refused_codes;
        self.outages += outages;
        self.outage_seconds += outage_seconds;
    }
}

/// What is known of a partner in this process, and not noted yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub counts: Counts,
    /// Since when it does not answer.
    pub away_since: Option<Timestamp>,
}

impl Observed {
    /// Counts something. A partner is away from the first call that reached nobody, or brought nothing that can be believed, to the next that
    /// it answered. One that has no room is there.
    pub fn note(&mut self, happened: Happened, now: Timestamp) {
        let counts = &mut self.counts;
        match happened {
            Happened::Called(outcome) => {
                counts.calls += 1;
                match outcome {
                    Ok(()) => counts.answered += 1,
                    Err(RecognitionOutcome::Throttled) => counts.throttled += 1,
                    Err(RecognitionOutcome::Unreachable) => counts.unreachable += 1,
                    Err(_) => counts.unbelieved += 1,
                }
                match (outcome, self.away_since) {
                    (Err(RecognitionOutcome::Throttled), _) | (Ok(()), None) | (Err(_), Some(_)) => {}
                    (Ok(()), Some(since)) => {
                        let seconds = now.seconds().saturating_sub(since.seconds());
                        counts.outage_seconds += u64::try_from(seconds).unwrap_or(0);
                        self.away_since = None;
                    }
                    (Err(_), None) => {
                        counts.outages += 1;
                        self.away_since = Some(now);
                    }
                }
            }
            Happened::AcceptedMessage => counts.accepted_messages += 1,
            Happened::RefusedMessage => counts.refused_messages += 1,
            Happened::RefusedCode => counts.refused_codes += 1,
        }
    }
}

/// The hour of an instant.
pub const fn hour(at: Timestamp) -> i64 {
    at.seconds().div_euclid(HOUR)
}

/// When an hour begins.
pub const fn begins(hour: i64) -> Timestamp {
    Timestamp::from_seconds(hour * HOUR)
}

/// Before which hour counts are forgotten.
pub const fn forgotten_before(now: Timestamp) -> i64 {
    hour(now) - KEPT_HOURS
}

/// How long changes took from their origin to the decision here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    pub median: Duration,
    pub p99: Duration,
    pub longest: Duration,
}

impl Delays {
    /// By nearest rank, so that each is a delay that there was.
    pub fn of(mut delays: Vec<Duration>) -> Self {
        delays.sort_unstable();
        let rank = |percent: usize| {
            let rank = (delays.len() * percent).div_ceil(100).max(1);
            delays.get(rank - 1).copied().unwrap_or_default()
        };
        Self {
            median: rank(50),
            p99: rank(99),
            longest: rank(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::VariantArray as _;

    use super::*;

    #[test]
    fn an_outage_lasts_from_the_first_silence_to_the_next_answer() {
        let mut observed = Observed::default();
        let at = Timestamp::from_seconds;
        observed.note(Happened::Called(Ok(())), at(0));
        assert_eq!(observed.away_since, None);
        observed.note(Happened::Called(Err(RecognitionOutcome::Throttled)), at(1));
        assert_eq!(observed.away_since, None, "one that has no room is there");
        observed.note(Happened::Called(Err(RecognitionOutcome::Unreachable)), at(2));
        observed.note(Happened::Called(Err(RecognitionOutcome::UnknownValue)), at(5));
        assert_eq!(observed.away_since, Some(at(2)));
        observed.note(Happened::Called(Ok(())), at(12));
        let counts = observed.counts;
        assert_eq!(
            (counts.outages, counts.outage_seconds, observed.away_since),
            (1, 10, None)
        );
        assert_eq!(
            (
                counts.calls,
                counts.answered,
                counts.throttled,
                counts.unreachable,
                counts.unbelieved
            ),
            (5, 2, 1, 1, 1)
        );
    }

    proptest! {
        #[test]
        fn every_call_is_counted_in_one_place(outcomes in proptest::collection::vec(0..=RecognitionOutcome::VARIANTS.len(), 0..50)) {
            let mut observed = Observed::default();
            for (second, outcome) in (0..).zip(&outcomes) {
                let outcome = RecognitionOutcome::VARIANTS.get(*outcome).map_or(Ok(()), |why| Err(*why));
                observed.note(Happened::Called(outcome), Timestamp::from_seconds(second));
            }
            let counts = observed.counts;
            prop_assert_eq!(counts.calls, outcomes.len() as u64);
            prop_assert_eq!(counts.calls, counts.answered + counts.throttled + counts.unreachable + counts.unbelieved);
            prop_assert!(counts.outage_seconds <= outcomes.len() as u64);
            let mut twice = counts;
            twice.add(&counts);
            prop_assert_eq!(twice.calls, 2 * counts.calls);
        }

        #[test]
        fn a_delay_that_is_shown_is_one_that_there_was(seconds in proptest::collection::vec(0_u64..1_000, 1..300)) {
            let delays: Vec<_> = seconds.iter().map(|one| Duration::from_secs(*one)).collect();
            let shown = Delays::of(delays.clone());
            prop_assert_eq!(Some(&shown.longest), delays.iter().max());
            for (one, share) in [(shown.median, 50), (shown.p99, 99)] {
                prop_assert!(delays.contains(&one));
                let within = delays.iter().filter(|delay| **delay <= one).count();
                prop_assert!(within * 100 >= delays.len() * share);
            }
        }
    }

    #[test]
    fn without_changes_there_is_no_delay() {
        assert_eq!(Delays::of(Vec::new()), Delays::default());
    }
}
