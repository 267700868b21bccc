//! When the facts that a rule selects are in force.

use lutong_kernel::{FactId, Timestamp};

use crate::domain::area::{AreaBook, Listing, RiskLevel};
use crate::domain::attributes::{Attributes, Value};
use crate::domain::fact::Fact;
use crate::domain::rule_set::{Condition, End, Rule, Span, Window};

/// Half-open; an open end is [`Timestamp::MAX`]. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    pub from: Timestamp,
    end: Timestamp,
}

impl Interval {
    /// A computed window that is empty is not in force.
    fn new(from: Timestamp, until: Option<Timestamp>) -> Option<Self> {
        let end = until.unwrap_or(Timestamp::MAX);
        (from < end).then_some(Self { from, end })
    }

    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.end
    }

    pub fn until(self) -> Option<Timestamp> {
        (self.end < Timestamp::MAX).then_some(self.end)
    }
}

/// The windows of all facts that `rule` selects, in the facts' order.
pub fn of(rule: &Rule, known: &[&Fact], areas: &AreaBook, known_at: Timestamp) -> Vec<(FactId, Interval)> {
    let mut found = Vec::new();
    for fact in known.iter().filter(|fact| selects(rule, &fact.attributes)) {
        match &rule.window {
            Window::Interval {
                from,
                until,
                otherwise,
            } => {
                let first = |names: &[usize]| names.iter().find_map(|name| instant(&fact.attributes, *name));
                let end = first(until).or_else(|| {
                    let after = otherwise.as_ref()?;
                    instant(&fact.attributes, after.anchor).map(|anchor| after.span.end(anchor))
                });
                // A rule without days has no end until one is named: from → closed_at.
                let begun = first(from).and_then(|from| Interval::new(from, end));
                found.extend(begun.map(|interval| (fact.id, interval)));
            }
            Window::UntilAll { from, ends } => {
                if let Some(from) = instant(&fact.attributes, *from) {
                    let end = latest(ends, fact, known, from);
                    found.extend(Interval::new(from, end).map(|interval| (fact.id, interval)));
                }
            }
            Window::Area {
                level,
                look_back_days,
                after,
            } => {
                let windows =
                    stay_windows(&fact.attributes, areas, *level, *look_back_days, *after, known_at);
                found.extend(windows.into_iter().map(|interval| (fact.id, interval)));
            }
        }
    }
    found
}

fn instant(attributes: &Attributes, index: usize) -> Option<Timestamp> {
    attributes.at(index)?.as_instant()
}

fn selects(rule: &Rule, attributes: &Attributes) -> bool {
    attributes.kind() == rule.kind
        && rule.all.iter().all(|condition| holds(condition, attributes))
        && (rule.any.is_empty() || rule.any.iter().any(|condition| holds(condition, attributes)))
}

fn holds(condition: &Condition, attributes: &Attributes) -> bool {
    match condition {
        Condition::Is(index, word) => {
            matches!(attributes.at(*index), Some(Value::Word(given)) if given == word)
        }
        Condition::Contains(index, words) => {
            matches!(attributes.at(*index), Some(Value::Words(given)) if given.iter().any(|one| words.contains(one)))
        }
        Condition::AtLeast(index, least) => {
            matches!(attributes.at(*index), Some(Value::Number(given)) if given >= least)
        }
    }
}

/// The latest of all ends; `None` while one is missing.
fn latest(ends: &[End], fact: &Fact, known: &[&Fact], from: Timestamp) -> Option<Timestamp> {
    let mut latest = from;
    for end in ends {
        let at = match end {
            End::Attribute(index) => instant(&fact.attributes, *index),
            End::Fact { kind, condition, at } => known
                .iter()
                .filter(|other| other.kind() == *kind && holds(condition, &other.attributes))
                .filter_map(|other| instant(&other.attributes, *at))
                .filter(|at| *at >= from)
                .min(),
        };
        latest = latest.max(at?);
    }
    Some(latest)
}

/// DOMAIN 4, area window: in force from max(arrived_at, from) until the span after min(left_at, to), for every listing
/// that the stay overlaps from the look-back on.
fn stay_windows(
    stay: &Attributes,
    areas: &AreaBook,
    level: RiskLevel,
    look_back_days: i32,
    after: Span,
    known_at: Timestamp,
) -> Vec<Interval> {
    let (Some(Value::Division(place)), Some(arrived)) = (stay.get("division"), stay.instant("arrived_at"))
    else {
        return Vec::new();
    };
    let community = match stay.get("community") {
        Some(Value::Text(name)) => Some(name.as_str()),
        _ => None,
    };
    let left = stay.instant("left_at").unwrap_or(Timestamp::MAX);
    let window = |listing: &Listing| {
        let to = listing.to.unwrap_or(Timestamp::MAX);
        let look_back = listing.from.local_day().plus_days(-look_back_days).start();
        if left <= look_back || arrived >= to {
            return None;
        }
        let last = left.min(to);
        let end = (last < Timestamp::MAX).then(|| after.end(last));
        Interval::new(arrived.max(listing.from), end)
    };
    areas
        .covering(*place, community, level, known_at)
        .iter()
        .filter_map(window)
        .collect()
}

/// The same instants in as few intervals as possible, in order.
pub fn union(intervals: impl Iterator<Item = Interval>) -> Vec<Interval> {
    let mut sorted: Vec<Interval> = intervals.collect();
    sorted.sort_unstable();
    let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
    for next in sorted {
        match merged.last_mut() {
            Some(last) if next.from <= last.end => last.end = last.end.max(next.end),
            _ => merged.push(next),
        }
    }
    merged
}
