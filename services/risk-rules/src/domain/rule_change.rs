//! A rule set on its way into force: how far it is, and what it would change.

use std::collections::HashMap;

use lutong_kernel::{Colour, Timestamp};
use rustc_hash::FxBuildHasher;
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
    /// An approver refused it: it never decides.
    Rejected,
    /// Its author took it back: it never decides.
    Withdrawn,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rule set is one of announced, approved, active, paused, rejected, withdrawn")]
pub struct UnknownState;

impl State {
    pub const ALL: [Self; 6] = [
        Self::Announced,
        Self::Approved,
        Self::Active,
        Self::Paused,
        Self::Rejected,
        Self::Withdrawn,
    ];
    /// Those of a version that may still come into force.
    pub const OPEN: [Self; 3] = [Self::Announced, Self::Approved, Self::Paused];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Approved => "approved",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
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

/// What is done about a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Preview,
    Approve,
    Reject,
    Withdraw,
    /// With a new bound.
    Resume(i64),
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its author neither approves, rejects nor resumes it.
    OwnProposal,
    /// Only its author withdraws it.
    NotYourProposal,
    WrongState,
}

impl Step {
    /// All, as far as the state is concerned.
    pub const ALL: [Self; 5] = [
        Self::Preview,
        Self::Approve,
        Self::Reject,
        Self::Withdraw,
        Self::Resume(0),
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
            Self::Resume(_) => "resume",
        }
    }

    /// The states that it starts from.
    const fn from(self) -> &'static [State] {
        match self {
            Self::Preview | Self::Reject | Self::Withdraw => &State::OPEN,
            Self::Approve => &[State::Announced],
            Self::Resume(_) => &[State::Paused],
        }
    }

    /// Whether an account may take it of what is in a state.
    pub fn check(self, state: State, is_author: bool) -> Result<(), Refusal> {
        match self {
            _ if !self.from().contains(&state) => Err(Refusal::WrongState),
            Self::Approve | Self::Reject | Self::Resume(_) if is_author => Err(Refusal::OwnProposal),
            Self::Withdraw if !is_author => Err(Refusal::NotYourProposal),
            _ => Ok(()),
        }
    }
}

/// Rules named as reasons of one change of colour.
const REASONS: usize = 5;
const COLOURS: [Colour; 3] = [Colour::Green, Colour::Yellow, Colour::Red];
/// Bits of a rule mask.
const BITS: usize = 64;
const PAIRS: usize = COLOURS.len() * COLOURS.len();
/// Changes named by division, the largest first; what is left over is few in many places.
const DIVISIONS: usize = 1_000;

/// Counts of a shadow run while it goes on.
#[derive(Debug, Clone)]
pub struct Tally {
    seen: i64,
    /// By colour before and after.
    pairs: Vec<Pair>,
    /// The same by where people live, six digits; 0 where that is not known.
    divisions: HashMap<u32, [i64; PAIRS], FxBuildHasher>,
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
    /// Counts one subject, by the rules in force and by the new ones, and where they live.
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
            divisions: self.by_division(),
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
    /// The largest first.
    #[serde(default)]
    pub divisions: Vec<DivisionChange>,
}

/// People of one division who would change from one colour to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DivisionChange {
    /// Six digits; 0 where it is not known where people live.
    pub division: u32,
    pub before: Colour,
    pub after: Colour,
    pub count: i64,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_a_rule_set_are_those_of_the_contract() {
        let pool = lutong_proto::descriptor_pool();
        for step in Step::ALL {
            let verb = format!("{step:?}");
            let verb = verb.trim_end_matches("(0)");
            let rpc = format!("lutong.risk_rules.v1.RuleSetService/{verb}RuleSet");
            let said = lutong_proto::transitions::of_rpc(pool, &rpc).expect(&rpc);
            let from: Vec<String> = step
                .from()
                .iter()
                .map(|state| state.as_str().to_uppercase())
                .collect();
            assert_eq!(said.from_states, from, "{rpc}");
            for state in State::ALL {
                for is_author in [true, false] {
                    let taken = step.check(state, is_author);
                    let may = !matches!(taken, Err(Refusal::WrongState));
                    assert_eq!(may, step.from().contains(&state), "{rpc} {state:?}");
                }
            }
        }
    }
}
