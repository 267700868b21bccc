//! A shadow run: everybody evaluated by the rules in force and by new ones, counted by change of colour.

use std::collections::HashMap;

use lutong_kernel::{Colour, Timestamp};
use lutong_risk_engine::evaluate::Verdict;
use lutong_risk_engine::rule_set::RuleSet;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

/// Number of rules that are named as reasons of one change of colour.
const REASONS: usize = 5;
const COLOURS: [Colour; 3] = [Colour::Green, Colour::Yellow, Colour::Red];
/// Bits of a rule mask.
const BITS: usize = 64;
const PAIRS: usize = COLOURS.len() * COLOURS.len();
/// Number of changes that are named by division, the largest first.
const DIVISIONS: usize = 1_000;

/// The counts of a running shadow run.
#[derive(Debug, Clone)]
pub struct Tally {
    seen: i64,
    /// Indexed by the colours before and after.
    pairs: Vec<Pair>,
    /// The same counts by the division of residence (six digits); 0: unknown.
    divisions: HashMap<u32, [i64; PAIRS], FxBuildHasher>,
}

#[derive(Debug, Clone)]
struct Pair {
    count: i64,
    /// Indexed by rule: of the new rule set if the colour becomes more severe, otherwise of the old one.
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
            pairs: vec![none; PAIRS],
            divisions: HashMap::default(),
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
    /// Counts one subject with its verdicts by the rules in force and by the new ones.
    pub fn count(&mut self, division: Option<u32>, before: &Verdict, after: &Verdict) {
        self.seen += 1;
        if before.colour == after.colour {
            return;
        }
        let index = place(before.colour) * COLOURS.len() + place(after.colour);
        let Some(pair) = self.pairs.get_mut(index) else {
            return;
        };
        pair.count += 1;
        let here = self.divisions.entry(division.unwrap_or_default());
        if let Some(count) = here.or_insert([0; PAIRS]).get_mut(index) {
            *count += 1;
        }
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
        for (division, more) in &other.divisions {
            let own = self.divisions.entry(*division).or_insert([0; PAIRS]);
            for (own, more) in own.iter_mut().zip(more) {
                *own += more;
            }
        }
    }

    fn by_division(&self) -> Vec<DivisionChange> {
        let mut changes = Vec::new();
        for (division, counts) in &self.divisions {
            for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                changes.push(DivisionChange {
                    division: *division,
                    before: COLOURS[index / COLOURS.len()],
                    after: COLOURS[index % COLOURS.len()],
                    count: *count,
                });
            }
        }
        changes.sort_by_key(|one| (std::cmp::Reverse(one.count), one.division, one.before, one.after));
        changes.truncate(DIVISIONS);
        changes
    }

    /// The result that is stored.
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
            divisions: self.by_division(),
        }
    }
}

/// The result of a shadow run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// In microseconds, as all stored instants.
    pub evaluated_at: i64,
    pub finished_at: i64,
    pub seen: i64,
    pub changes: Vec<Change>,
    /// The largest first.
    #[serde(default)]
    pub divisions: Vec<DivisionChange>,
}

/// Number of people of one division whose colour would change from one to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DivisionChange {
    /// Six digits; 0: the residence is unknown.
    pub division: u32,
    pub before: Colour,
    pub after: Colour,
    pub count: i64,
}

/// Number of people whose colour would change from one to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub before: Colour,
    pub after: Colour,
    pub count: i64,
    /// The most frequent first.
    pub rules: Vec<RuleCount>,
}

/// Number of people for whom a rule is a reason of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    pub rule: String,
    pub count: i64,
}

impl Counts {
    /// Number of people whose colour would change.
    pub fn changed(&self) -> i64 {
        self.changes.iter().map(|change| change.count).sum()
    }
}
