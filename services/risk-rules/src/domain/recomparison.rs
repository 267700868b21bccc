//! Comparing everybody's stored decision with what the facts say now: what a run finds and counts.

use lutong_kernel::{Colour, Timestamp};

use super::evaluate::Verdict;
use super::set_digest::SetDigest;

/// Why a stored decision is not what comes out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// Its next change had come, and nobody had looked yet.
    Due,
    /// It was made by another rule set or version.
    Rules,
    /// Nothing explains it: what was stored was wrong.
    Mismatch,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a finding is one of due, rules, mismatch")]
pub struct UnknownFinding;

impl Finding {
    pub const ALL: [Self; 3] = [Self::Due, Self::Rules, Self::Mismatch];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Rules => "rules",
            Self::Mismatch => "mismatch",
        }
    }
}

impl std::str::FromStr for Finding {
    type Err = UnknownFinding;

    fn from_str(text: &str) -> Result<Self, UnknownFinding> {
        Self::ALL
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or(UnknownFinding)
    }
}

/// What is stored of a subject's latest decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub verdict: Verdict,
    pub rule_set: i64,
}

/// What a difference is to be called, at the instant of the comparison.
pub fn classify(stored: Stored, rule_set: i64, at: Timestamp) -> Finding {
    if stored.rule_set != rule_set {
        Finding::Rules
    } else if stored.verdict.next_change_at.is_some_and(|change| change <= at) {
        Finding::Due
    } else {
        Finding::Mismatch
    }
}

/// Whom a run, or a part of it, has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looked {
    pub seen: SetDigest,
    /// By colour that came out: green, yellow, red.
    pub colours: [i64; 3],
}

impl Looked {
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
