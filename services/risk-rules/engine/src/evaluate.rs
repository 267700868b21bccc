//! The evaluation: (facts, rule set, areas, instant, instant of knowledge) → colour, citations, relief, next change. Total, deterministic
//! and independent of the order of the facts.

pub mod relief;
mod windows;

#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use lutong_kernel::{Colour, FactId, Timestamp};

use super::area::AreaBook;
use super::fact::Fact;
use super::packed::PackedFact;
use super::rule_set::{RuleMask, RuleSet};
use relief::{RELIEF_COLOUR, ReliefInForce};
use windows::ForcePeriod;

/// A rule that is in force, with the facts that put it in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// Index of the rule in the rule set.
    pub rule: usize,
    /// The facts that are in force under the rule, sorted by id.
    pub facts: Vec<FactId>,
    /// Since when the rule has been in force without interruption.
    pub from: Timestamp,
    /// Until when it is in force without interruption, exclusive; `None` while no end is known.
    pub until: Option<Timestamp>,
}

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The most severe colour of the cited rules, or yellow in place of red while relief is in force; green if no rule is cited.
    pub colour: Colour,
    /// In the order of the rule set.
    pub citations: Vec<Citation>,
    /// The relief that makes the colour milder than that of the rules; `None`: the colour is that of the rules.
    pub relief: Option<ReliefInForce>,
    /// The instant at which the set of cited rules or the colour changes if nothing new is recorded; `None`: never.
    pub next_change_at: Option<Timestamp>,
}

/// The result of an evaluation without its reasons: sufficient for a comparison with a stored decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub colour: Colour,
    pub rules: RuleMask,
    pub next_change_at: Option<Timestamp>,
}

/// Evaluates many subjects one after the other and reuses its buffer.
#[derive(Debug)]
pub struct Evaluator<S, A> {
    set: S,
    areas: A,
    forces: Vec<ForcePeriod>,
}

impl<S: Borrow<RuleSet>, A: Borrow<AreaBook>> Evaluator<S, A> {
    pub const fn new(set: S, areas: A) -> Self {
        Self {
            set,
            areas,
            forces: Vec::new(),
        }
    }

    /// The colour and the rules in force at `at`, from `facts` (none of which is superseded) and the areas known at `known_at`.
    pub fn verdict(&mut self, facts: &[PackedFact], at: Timestamp, known_at: Timestamp) -> Verdict {
        let plan = self.set.borrow().plan();
        windows::collect(plan, facts, self.areas.borrow(), known_at, &mut self.forces);
        let mut rules = RuleMask::default();
        let mut seen = RuleMask::default();
        let mut several = RuleMask::default();
        // The earliest change among rules that have a single period.
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
        let mut colour = plan.colour(rules);
        if colour == Colour::Red
            && let Some(barred) = relief::barred(plan, facts, &self.forces)
        {
            let is_barred = barred.iter().any(|period| period.holds_at(at));
            next = next.min(toggle(&barred, relief::BARRED, is_barred, at));
            if !is_barred {
                colour = RELIEF_COLOUR;
            }
        }
        Verdict {
            colour,
            rules,
            next_change_at: (next < Timestamp::MAX).then_some(next),
        }
    }

    /// The same result with the citations of each rule.
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
        let citations = cited.collect();
        let is_milder = verdict.colour < self.set.borrow().plan().colour(verdict.rules);
        let relief = is_milder.then(|| {
            let plan = self.set.borrow().plan();
            relief::in_force(plan, facts, &self.forces, at)
        });
        Evaluation {
            colour: verdict.colour,
            citations,
            relief,
            next_change_at: verdict.next_change_at,
        }
    }
}

/// The instant at which a rule ceases to be in force or, if it is not in force, begins to be; `MAX`: never. Periods that touch or
/// overlap count as one.
fn toggle(forces: &[ForcePeriod], rule: u8, holds: bool, at: Timestamp) -> Timestamp {
    if holds {
        return unbroken(forces, rule, at).1;
    }
    let ahead = forces
        .iter()
        .filter(|force| force.rule == rule && force.from > at);
    ahead.map(|force| force.from).min().unwrap_or(Timestamp::MAX)
}

/// The uninterrupted period around `at` of a rule that is in force at `at`.
fn unbroken(forces: &[ForcePeriod], rule: u8, at: Timestamp) -> (Timestamp, Timestamp) {
    let own = || forces.iter().filter(|force| force.rule == rule);
    let wider =
        |(from, end): (Timestamp, Timestamp), force: &ForcePeriod| (from.min(force.from), end.max(force.end));
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

/// Evaluates for the instant `at` the facts that were known at `known_at`.
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
