//! A re-comparison compares the stored verdict of every subject with a new evaluation; this module classifies and counts.

use lutong_kernel::{Colour, Timestamp};
use strum::{EnumString, IntoStaticStr};

use lutong_risk_engine::evaluate::Verdict;
use lutong_risk_engine::set_digest::SetDigest;

/// Why a stored verdict differs from the new evaluation. The text form is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum FindingKind {
    /// The instant of its next change has passed, and it was not yet decided again.
    Due,
    /// It was decided by another rule set or version.
    Rules,
    /// Nothing explains the difference: the stored verdict was wrong.
    Mismatch,
}

/// The stored verdict of a subject's latest decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingVerdict {
    pub verdict: Verdict,
    /// `rule_sets.number`.
    pub rule_set: i64,
}

/// Classifies a difference that was found at the instant `at`.
pub fn classify(standing: StandingVerdict, rule_set: i64, at: Timestamp) -> FindingKind {
    if standing.rule_set != rule_set {
        FindingKind::Rules
    } else if standing.verdict.next_change_at.is_some_and(|change| change <= at) {
        FindingKind::Due
    } else {
        FindingKind::Mismatch
    }
}

/// The subjects that a run, or a part of it, has compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    pub seen: SetDigest,
    /// Number of subjects by resulting colour: green, yellow, red.
    pub colours: [i64; 3],
}

impl Coverage {
    pub fn count(&mut self, colour: Colour) {
        let place = match colour {
            Colour::Green => 0,
            Colour::Yellow => 1,
            Colour::Red => 2,
        };
        self.colours[place] += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        self.seen.merge(&other.seen);
        for (own, more) in self.colours.iter_mut().zip(other.colours) {
            *own += more;
        }
    }
}
