//! (facts, rule set, areas, instant, knowledge) → colour, citations, next change. Total, deterministic, and the same
//! whatever the order of the facts.

mod windows;

#[cfg(test)]
mod tests;

use lutong_kernel::{Colour, FactId, Timestamp};

use super::area::AreaBook;
use super::fact::Fact;
use super::rule_set::RuleSet;
use windows::Interval;

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

/// Evaluates what was known at `known_at` for the instant `at`.
pub fn evaluate(
    set: &RuleSet,
    facts: &[Fact],
    areas: &AreaBook,
    at: Timestamp,
    known_at: Timestamp,
) -> Evaluation {
    let mut known: Vec<&Fact> = facts.iter().filter(|fact| fact.is_known_at(known_at)).collect();
    known.sort_unstable_by_key(|fact| fact.id);
    let mut out = Evaluation {
        colour: Colour::Green,
        citations: Vec::new(),
        next_change_at: None,
    };
    for (index, rule) in set.rules().iter().enumerate() {
        let found: Vec<(FactId, Interval)> = windows::of(rule, &known, areas, known_at);
        if found.is_empty() {
            continue;
        }
        let spans = windows::union(found.iter().map(|(_, interval)| *interval));
        let current = spans.iter().find(|span| span.contains(at));
        let toggle = match current {
            Some(span) => span.until(),
            None => spans.iter().map(|span| span.from).filter(|from| *from > at).min(),
        };
        out.next_change_at = earlier(out.next_change_at, toggle);
        if let Some(span) = current {
            let mut facts: Vec<FactId> = found
                .iter()
                .filter(|(_, one)| one.contains(at))
                .map(|(id, _)| *id)
                .collect();
            facts.dedup();
            out.colour = out.colour.max(rule.colour);
            out.citations.push(Citation {
                rule: index,
                facts,
                from: span.from,
                until: span.until(),
            });
        }
    }
    out
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
