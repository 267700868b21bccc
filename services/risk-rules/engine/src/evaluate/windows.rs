//! Computes the periods in which the facts that a rule selects are in force.

use lutong_kernel::{DivisionCode, Timestamp};

use crate::area::{AreaBook, ListingPeriod, RiskLevel};
use crate::packed::PackedFact;
use crate::rule_set::DayCount;
use crate::rule_set::plan::{Plan, PlannedEnd, PlannedWindow, StaySlots};

/// The period in which one fact is in force under one rule. Half-open and never empty; an open end is [`Timestamp::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForcePeriod {
    /// Index into the rule set.
    pub rule: u8,
    /// Index into the facts.
    pub fact: u32,
    pub from: Timestamp,
    pub end: Timestamp,
}

impl ForcePeriod {
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.end
    }
}

/// Fills `found` with every period of every fact, in the order of the facts.
pub fn collect(
    plan: &Plan,
    facts: &[PackedFact],
    areas: &AreaBook,
    known_at: Timestamp,
    found: &mut Vec<ForcePeriod>,
) {
    found.clear();
    for (index, fact) in (0_u32..).zip(facts) {
        for step in plan.steps(fact.kind).iter().filter(|step| step.selects(fact)) {
            // A computed period that is empty is dropped.
            let mut push = |from: Timestamp, end: Timestamp| {
                if from < end {
                    found.push(ForcePeriod {
                        rule: step.rule,
                        fact: index,
                        from,
                        end,
                    });
                }
            };
            match &step.window {
                PlannedWindow::Interval {
                    from,
                    until,
                    otherwise,
                } => {
                    let end = first(until, fact).or_else(|| {
                        let (anchor, span) = otherwise.as_ref()?;
                        instant(fact, *anchor).map(|anchor| span.end(anchor))
                    });
                    if let Some(from) = first(from, fact) {
                        // Without a number of days the period is open until the end attribute is recorded.
                        push(from, end.unwrap_or(Timestamp::MAX));
                    }
                }
                PlannedWindow::UntilAll { from, ends } => {
                    if let Some(from) = instant(fact, *from) {
                        push(from, latest(ends, fact, facts, from).unwrap_or(Timestamp::MAX));
                    }
                }
                PlannedWindow::Area {
                    level,
                    look_back_days,
                    after,
                    place,
                } => {
                    let window = AreaWindow {
                        level: *level,
                        look_back_days: *look_back_days,
                        after: *after,
                    };
                    window.of(fact, *place, areas, known_at, push);
                }
            }
        }
    }
}

fn instant(fact: &PackedFact, slot: u8) -> Option<Timestamp> {
    fact.at(slot).map(Timestamp::from_micros)
}

/// The instant of the first attribute that is present.
fn first(slots: &[u8], fact: &PackedFact) -> Option<Timestamp> {
    slots.iter().find_map(|slot| instant(fact, *slot))
}

/// The latest of all ends; `None` while any of them is missing.
fn latest(
    ends: &[PlannedEnd],
    fact: &PackedFact,
    facts: &[PackedFact],
    from: Timestamp,
) -> Option<Timestamp> {
    let mut latest = from;
    for end in ends {
        let at = match end {
            PlannedEnd::Attribute(slot) => instant(fact, *slot),
            PlannedEnd::Fact { kind, test, at } => facts
                .iter()
                .filter(|other| other.kind == *kind && test.holds(other))
                .filter_map(|other| instant(other, *at))
                .filter(|at| *at >= from)
                .min(),
        };
        latest = latest.max(at?);
    }
    Some(latest)
}

/// An area window (DOMAIN 4). A stay is in force from max(arrived_at, from) until the configured number of days after
/// min(left_at, to), once for every listing that it overlaps, the look-back included.
struct AreaWindow {
    level: RiskLevel,
    look_back_days: i32,
    after: DayCount,
}

impl AreaWindow {
    fn of(
        &self,
        stay: &PackedFact,
        slots: StaySlots,
        areas: &AreaBook,
        known_at: Timestamp,
        mut push: impl FnMut(Timestamp, Timestamp),
    ) {
        let division = stay
            .at(slots.division)
            .and_then(|number| u32::try_from(number).ok());
        let (Some(Ok(place)), Some(arrived)) = (
            division.map(DivisionCode::from_number),
            instant(stay, slots.arrived_at),
        ) else {
            return;
        };
        let left = instant(stay, slots.left_at).unwrap_or(Timestamp::MAX);
        let listing = |listing: ListingPeriod| {
            let to = listing.to.unwrap_or(Timestamp::MAX);
            let look_back = listing.from.local_day().plus_days(-self.look_back_days).start();
            if left <= look_back || arrived >= to {
                return;
            }
            let last = left.min(to);
            let end = if last < Timestamp::MAX {
                self.after.end(last)
            } else {
                Timestamp::MAX
            };
            push(arrived.max(listing.from), end);
        };
        areas.covering(place, stay.at(slots.community), self.level, known_at, listing);
    }
}
