//! Interim relief: while the source of a fact that somebody appeals against is late with its answer, red that rests on such facts alone
//! is shown as yellow. It is applied to what the rules say, so that no rule set can widen it: never over an open confirmed case, whenever
//! that is reported, and never further than to yellow.

use lutong_kernel::{Colour, FactId, Timestamp};

use super::windows::ForcePeriod;
use crate::fact::FactKind;
use crate::packed::{PackedFact, fact_key};
use crate::rule_set::plan::Plan;

/// The colour in place of red: no other is milder than red and not green.
pub const RELIEF_COLOUR: Colour = Colour::Yellow;

/// Slots of the kinds that are read here, by the order of their attributes in the contract.
const CONTESTED_FACT: u8 = 0;
const RELIEF_FROM: u8 = 1;
const RELIEF_UNTIL: u8 = 2;
const STAGE: u8 = 0;
const DIAGNOSED_AT: u8 = 1;
const CLOSED_AT: u8 = 2;
/// The word `confirmed` of a stage.
const CONFIRMED: i64 = 0;

/// The rule number that all periods of [`barred`] bear, so that those which touch or overlap count as one.
pub(super) const BARRED: u8 = 0;

/// The reliefs that make a colour milder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReliefInForce {
    /// The facts of relief, sorted by id.
    pub reliefs: Vec<FactId>,
    /// Since when all of them are in force.
    pub from: Timestamp,
    /// Until when red is not shown as red again, if nothing new is recorded; exclusive.
    pub until: Timestamp,
}

/// One relief, as packed.
#[derive(Debug, Clone, Copy)]
struct Relief {
    id: FactId,
    contested: i64,
    from: Timestamp,
    until: Timestamp,
}

impl Relief {
    fn read(fact: &PackedFact) -> Option<Self> {
        if fact.kind != FactKind::Relief {
            return None;
        }
        Some(Self {
            id: fact.id,
            contested: fact.at(CONTESTED_FACT)?,
            from: Timestamp::from_micros(fact.at(RELIEF_FROM)?),
            until: Timestamp::from_micros(fact.at(RELIEF_UNTIL)?),
        })
    }
}

/// The periods in which red is shown as red: while an open confirmed case is known, and while a red rule rests on a fact that is under no
/// relief. `None` if there is no relief at all.
pub(super) fn barred(plan: &Plan, facts: &[PackedFact], forces: &[ForcePeriod]) -> Option<Vec<ForcePeriod>> {
    let mut reliefs: Vec<Relief> = facts.iter().filter_map(Relief::read).collect();
    if reliefs.is_empty() {
        return None;
    }
    reliefs.sort_unstable_by_key(|relief| relief.from);
    let mut barred = Vec::new();
    for (index, case) in (0_u32..).zip(facts) {
        if let Some((from, end)) = open_confirmed(case) {
            push(&mut barred, index, from, end);
        }
    }
    for force in forces.iter().filter(|force| plan.is_red(force.rule)) {
        let mut from = force.from;
        for relief in reliefs.iter().filter(|relief| concerns(relief, force, facts)) {
            push(&mut barred, force.fact, from, relief.from.min(force.end));
            from = from.max(relief.until);
        }
        push(&mut barred, force.fact, from, force.end);
    }
    Some(barred)
}

/// The reliefs in force at an instant at which red is shown as yellow.
pub(super) fn in_force(
    plan: &Plan,
    facts: &[PackedFact],
    forces: &[ForcePeriod],
    at: Timestamp,
) -> ReliefInForce {
    let red = |relief: &Relief| {
        let mut red = forces
            .iter()
            .filter(|force| plan.is_red(force.rule) && force.holds_at(at));
        red.any(|force| concerns(relief, force, facts))
    };
    let holds = |relief: &Relief| relief.from <= at && at < relief.until && red(relief);
    let found: Vec<Relief> = facts.iter().filter_map(Relief::read).filter(holds).collect();
    let mut reliefs: Vec<FactId> = found.iter().map(|relief| relief.id).collect();
    reliefs.sort_unstable();
    let latest = found.iter().map(|relief| relief.until).max().unwrap_or(at);
    let barred = barred(plan, facts, forces).unwrap_or_default();
    ReliefInForce {
        reliefs,
        from: found.iter().map(|relief| relief.from).max().unwrap_or(at),
        until: super::toggle(&barred, BARRED, false, at).min(latest),
    }
}

fn concerns(relief: &Relief, force: &ForcePeriod, facts: &[PackedFact]) -> bool {
    let fact = facts.get(force.fact as usize);
    fact.is_some_and(|fact| fact_key(fact.id) == relief.contested)
}

/// While a confirmed case is open.
fn open_confirmed(fact: &PackedFact) -> Option<(Timestamp, Timestamp)> {
    if fact.kind != FactKind::Case || fact.at(STAGE) != Some(CONFIRMED) {
        return None;
    }
    let closed_at = fact.at(CLOSED_AT).map_or(Timestamp::MAX, Timestamp::from_micros);
    Some((Timestamp::from_micros(fact.at(DIAGNOSED_AT)?), closed_at))
}

fn push(barred: &mut Vec<ForcePeriod>, fact: u32, from: Timestamp, end: Timestamp) {
    if from < end {
        barred.push(ForcePeriod {
            rule: BARRED,
            fact,
            from,
            end,
        });
    }
}

#[cfg(test)]
mod tests;
