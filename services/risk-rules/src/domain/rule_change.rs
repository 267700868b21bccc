//! A rule set on its way into force: how far it is, and what it would change.

use lutong_kernel::{Colour, Timestamp};
use serde::{Deserialize, Serialize};

use super::evaluate::Verdict;
use super::rule_set::RuleSet;

/// How far a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for a preview and an approval.
    Announced,
    /// Waits for its instant and for the guard.
    Approved,
    /// Decides, until another becomes active.
    Active,
    /// More people would have changed colour than was said.
    Paused,
    /// Never decides.
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rule set is one of announced, approved, active, paused, cancelled")]
pub struct UnknownState;

impl State {
    pub const ALL: [Self; 5] = [
        Self::Announced,
        Self::Approved,
        Self::Active,
        Self::Paused,
        Self::Cancelled,
    ];
    /// Those of a version that may still come into force.
    pub const OPEN: [Self; 3] = [Self::Announced, Self::Approved, Self::Paused];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Approved => "approved",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
        }
    }
}

impl std::str::FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let known = Self::ALL.into_iter().find(|one| one.as_str() == text);
        known.ok_or(UnknownState)
    }
}

/// Rules named as reasons of one change of colour.
const REASONS: usize = 5;
const COLOURS: [Colour; 3] = [Colour::Green, Colour::Yellow, Colour::Red];
/// Bits of a rule mask.
const BITS: usize = 64;

/// Counts of a shadow run while it goes on.
#[derive(Debug, Clone)]
pub struct Tally {
    seen: i64,
    /// By colour before and after.
    pairs: Vec<Pair>,
}

#[derive(Debug, Clone)]
struct Pair {
    count: i64,
    /// By rule index: of the new set where the colour becomes worse, else of the old.
    rules: [i64; BITS],
}

impl Default for Tally {
    fn default() -> Self {
        let none = Pair {
            count: 0,
            rules: [0; BITS],
        };
        Self {
            seen: 0,
            pairs: vec![none; COLOURS.len() * COLOURS.len()],
        }
    }
}

const fn place(colour: Colour) -> usize {
    match colour {
        Colour::Green => 0,
        Colour::Yellow => 1,
        Colour::Red => 2,
    }
}

impl Tally {
    /// Counts one subject, by the rules in force and by the new ones.
    pub fn count(&mut self, before: &Verdict, after: &Verdict) {
        self.seen += 1;
        if before.colour == after.colour {
            return;
        }
        let Some(pair) = self
            .pairs
            .get_mut(place(before.colour) * COLOURS.len() + place(after.colour))
        else {
            return;
        };
        pair.count += 1;
        let rules = if after.colour > before.colour {
            after.rules
        } else {
            before.rules
        };
        for (rule, count) in (0_u8..).zip(&mut pair.rules) {
            *count += i64::from(rules.has(rule));
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.seen += other.seen;
        for (own, more) in self.pairs.iter_mut().zip(&other.pairs) {
            own.count += more.count;
            for (own, more) in own.rules.iter_mut().zip(more.rules) {
                *own += more;
            }
        }
    }

    /// What is kept of it.
    pub fn counts(&self, (old, new): (&RuleSet, &RuleSet), at: Timestamp, finished_at: Timestamp) -> Counts {
        let mut changes = Vec::new();
        for (index, pair) in self.pairs.iter().enumerate().filter(|(_, pair)| pair.count > 0) {
            let (before, after) = (COLOURS[index / COLOURS.len()], COLOURS[index % COLOURS.len()]);
            let (set, colour) = if after > before {
                (new, after)
            } else {
                (old, before)
            };
            let rules = set.rules().iter().zip(pair.rules);
            let mut rules: Vec<RuleCount> = rules
                .filter(|(rule, count)| *count > 0 && rule.colour == colour)
                .map(|(rule, count)| RuleCount {
                    rule: rule.id.clone(),
                    count,
                })
                .collect();
            rules.sort_by_key(|one| std::cmp::Reverse(one.count));
            rules.truncate(REASONS);
            changes.push(Change {
                before,
                after,
                count: pair.count,
                rules,
            });
        }
        Counts {
            evaluated_at: at.micros(),
            finished_at: finished_at.micros(),
            seen: self.seen,
            changes,
        }
    }
}

/// What a shadow run counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Microseconds, as all instants that are stored.
    pub evaluated_at: i64,
    pub finished_at: i64,
    pub seen: i64,
    pub changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub before: Colour,
    pub after: Colour,
    pub count: i64,
    /// The most frequent first.
    pub rules: Vec<RuleCount>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    pub rule: String,
    pub count: i64,
}

impl Counts {
    /// People who would change colour.
    pub fn changed(&self) -> i64 {
        self.changes.iter().map(|change| change.count).sum()
    }
}
