//! (facts, rule set, areas, instant, knowledge) → colour, citations, next change. Total, deterministic, and the same
//! whatever the order of the facts.

mod plan;
mod windows;

#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use lutong_kernel::{Colour, FactId, Timestamp};

use super::area::AreaBook;
use super::fact::Fact;
use super::packed::PackedFact;
use super::rule_set::RuleSet;
pub use plan::{MAX_RULES, Plan};
use windows::Force;

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// Index into the rule set.
    pub rule: usize,
    /// The facts that are in force under it, by id.
    pub facts: Vec<FactId>,
    /// Since when without a break.
    pub from: Timestamp,
    /// Until when without a break, exclusive; `None` while no end is known.
    pub until: Option<Timestamp>,
}

/// What comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The worst of the cited rules; green when there is none.
    pub colour: Colour,
    /// In the rule set's order.
    pub citations: Vec<Citation>,
    /// When the set of cited rules changes if nothing new is recorded; `None` when never.
    pub next_change_at: Option<Timestamp>,
}

/// What comes out without the reasons: all that a comparison with a stored decision needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub colour: Colour,
    pub rules: RuleMask,
    pub next_change_at: Option<Timestamp>,
}

/// Rules of one rule set, a bit each by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleMask(u64);

impl RuleMask {
    #[must_use]
    pub const fn with(self, rule: u8) -> Self {
        Self(self.0 | (1 << (rule & 63)))
    }

    pub const fn has(self, rule: u8) -> bool {
        self.0 & (1 << (rule & 63)) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// As a column keeps it. A rule set has at most 63 rules.
    pub const fn number(self) -> i64 {
        self.0.cast_signed()
    }

    pub const fn from_number(number: i64) -> Self {
        Self(number.cast_unsigned())
    }
}

/// Evaluates many subjects one after the other without making room anew.
#[derive(Debug)]
pub struct Evaluator<S, A> {
    set: S,
    areas: A,
    forces: Vec<Force>,
}

impl<S: Borrow<RuleSet>, A: Borrow<AreaBook>> Evaluator<S, A> {
    pub const fn new(set: S, areas: A) -> Self {
        Self {
            set,
            areas,
            forces: Vec::new(),
        }
    }

    /// The colour and the rules that `facts`, all of them believed, make at `at`, by the areas known at `known_at`.
    pub fn verdict(&mut self, facts: &[PackedFact], at: Timestamp, known_at: Timestamp) -> Verdict {
        let plan = self.set.borrow().plan();
        windows::collect(plan, facts, self.areas.borrow(), known_at, &mut self.forces);
        let mut rules = RuleMask::default();
        let mut seen = RuleMask::default();
        let mut several = RuleMask::default();
        // The earliest toggle of the rules that one force alone decides about.
        let mut next = Timestamp::MAX;
        for force in &self.forces {
            if seen.has(force.rule) {
                several = several.with(force.rule);
            }
            seen = seen.with(force.rule);
            if force.holds_at(at) {
                rules = rules.with(force.rule);
            }
        }
        for force in self.forces.iter().filter(|force| !several.has(force.rule)) {
            if force.from > at {
                next = next.min(force.from);
            } else if force.end > at {
                next = next.min(force.end);
            }
        }
        if !several.is_empty() {
            for rule in (0..64).filter(|rule| several.has(*rule)) {
                next = next.min(toggle(&self.forces, rule, rules.has(rule), at));
            }
        }
        Verdict {
            colour: plan.colour(rules),
            rules,
            next_change_at: (next < Timestamp::MAX).then_some(next),
        }
    }

    /// The same with what each rule cites.
    pub fn evaluate(&mut self, facts: &[PackedFact], at: Timestamp, known_at: Timestamp) -> Evaluation {
        let verdict = self.verdict(facts, at, known_at);
        let cited = (0..64_u8).filter(|rule| verdict.rules.has(*rule)).map(|rule| {
            let (from, end) = unbroken(&self.forces, rule, at);
            let own = self
                .forces
                .iter()
                .filter(|force| force.rule == rule && force.holds_at(at));
            let mut ids: Vec<FactId> = own
                .filter_map(|force| Some(facts.get(force.fact as usize)?.id))
                .collect();
            ids.sort_unstable();
            ids.dedup();
            Citation {
                rule: usize::from(rule),
                facts: ids,
                from,
                until: (end < Timestamp::MAX).then_some(end),
            }
        });
        Evaluation {
            colour: verdict.colour,
            citations: cited.collect(),
            next_change_at: verdict.next_change_at,
        }
    }
}

/// When a rule goes out of force, or, where it is not in force, comes into it; MAX when never. Windows that touch or
/// overlap are one.
fn toggle(forces: &[Force], rule: u8, holds: bool, at: Timestamp) -> Timestamp {
    if holds {
        return unbroken(forces, rule, at).1;
    }
    let ahead = forces
        .iter()
        .filter(|force| force.rule == rule && force.from > at);
    ahead.map(|force| force.from).min().unwrap_or(Timestamp::MAX)
}

/// From when until when a rule that holds at `at` is in force without a break.
fn unbroken(forces: &[Force], rule: u8, at: Timestamp) -> (Timestamp, Timestamp) {
    let own = || forces.iter().filter(|force| force.rule == rule);
    let wider =
        |(from, end): (Timestamp, Timestamp), force: &Force| (from.min(force.from), end.max(force.end));
    let mut hull = own().filter(|force| force.holds_at(at)).fold((at, at), wider);
    loop {
        let touching = own().filter(|force| force.from <= hull.1 && force.end >= hull.0);
        let wider = touching.fold(hull, wider);
        if wider == hull {
            return hull;
        }
        hull = wider;
    }
}

/// Evaluates what of `facts` was known at `known_at` for the instant `at`.
pub fn evaluate(
    set: &RuleSet,
    facts: &[Fact],
    areas: &AreaBook,
    at: Timestamp,
    known_at: Timestamp,
) -> Evaluation {
    let known = facts.iter().filter(|fact| fact.is_known_at(known_at));
    let packed: Vec<PackedFact> = known
        .map(|fact| PackedFact::new(fact.id, &fact.attributes))
        .collect();
    Evaluator::new(set, areas).evaluate(&packed, at, known_at)
}
