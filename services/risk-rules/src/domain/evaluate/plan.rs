//! A rule set as an evaluation walks it: the rules of each kind of fact side by side, words as numbers. Made once a rule set.

use lutong_kernel::Colour;

use super::RuleMask;
use crate::domain::area::RiskLevel;
use crate::domain::attributes::Shape;
use crate::domain::fact::FactKind;
use crate::domain::packed::PackedFact;
use crate::domain::rule_set::{Condition, End, Rule, Span, Window};

/// Rules of one set at the most: one bit each in what is stored of a decision.
pub const MAX_RULES: usize = 63;

/// Compiled rules, by the kind of fact that they select.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    by_kind: [Vec<Step>; FactKind::ALL.len()],
    red: RuleMask,
    yellow: RuleMask,
}

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// Its index in the rule set.
    pub rule: u8,
    all: Vec<Test>,
    any: Vec<Test>,
    pub window: PlannedWindow,
}

/// A condition on one slot.
#[derive(Debug, Clone, Copy)]
pub(super) enum Test {
    Is {
        slot: u8,
        word: i64,
    },
    /// Some bit of the mask.
    Contains {
        slot: u8,
        mask: i64,
    },
    AtLeast {
        slot: u8,
        least: f64,
    },
}

/// A rule's window over slots.
#[derive(Debug, Clone)]
pub(super) enum PlannedWindow {
    Interval {
        from: Vec<u8>,
        until: Vec<u8>,
        otherwise: Option<(u8, Span)>,
    },
    UntilAll {
        from: u8,
        ends: Vec<PlannedEnd>,
    },
    Area {
        level: RiskLevel,
        look_back_days: i32,
        after: Span,
        place: StaySlots,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum PlannedEnd {
    Attribute(u8),
    Fact { kind: FactKind, test: Test, at: u8 },
}

/// Where a stay's attributes lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct StaySlots {
    pub division: u8,
    pub community: u8,
    pub arrived_at: u8,
    pub left_at: u8,
}

impl Plan {
    /// `rules` are at most [`MAX_RULES`]; the rule set's reader sees to that.
    pub fn new(rules: &[Rule]) -> Self {
        let mut plan = Self::default();
        for (index, rule) in rules.iter().enumerate().take(MAX_RULES) {
            let tests =
                |conditions: &[Condition]| conditions.iter().map(|one| test(rule.kind, one)).collect();
            plan.by_kind[rule.kind as usize].push(Step {
                rule: slot(index),
                all: tests(&rule.all),
                any: tests(&rule.any),
                window: window(&rule.window),
            });
            match rule.colour {
                Colour::Red => plan.red = plan.red.with(slot(index)),
                Colour::Yellow => plan.yellow = plan.yellow.with(slot(index)),
                Colour::Green => {}
            }
        }
        plan
    }

    /// The worst colour of some rules; green when there is none.
    pub const fn colour(&self, rules: RuleMask) -> Colour {
        if rules.intersects(self.red) {
            Colour::Red
        } else if rules.intersects(self.yellow) {
            Colour::Yellow
        } else {
            Colour::Green
        }
    }

    pub(super) fn steps(&self, kind: FactKind) -> &[Step] {
        &self.by_kind[kind as usize]
    }
}

impl Step {
    pub fn selects(&self, fact: &PackedFact) -> bool {
        self.all.iter().all(|test| test.holds(fact))
            && (self.any.is_empty() || self.any.iter().any(|test| test.holds(fact)))
    }
}

impl Test {
    #[allow(clippy::cast_sign_loss)] // bits of a double, as they were packed
    pub fn holds(self, fact: &PackedFact) -> bool {
        match self {
            Self::Is { slot, word } => fact.at(slot) == Some(word),
            Self::Contains { slot, mask } => fact.at(slot).is_some_and(|bits| bits & mask != 0),
            Self::AtLeast { slot, least } => fact
                .at(slot)
                .is_some_and(|bits| f64::from_bits(bits as u64) >= least),
        }
    }
}

/// Tables have four attributes and rule sets 63 rules at most.
#[allow(clippy::cast_possible_truncation)]
const fn slot(index: usize) -> u8 {
    index as u8
}

fn slots(indexes: &[usize]) -> Vec<u8> {
    indexes.iter().map(|index| slot(*index)).collect()
}

#[allow(clippy::cast_possible_wrap)] // a place in a list of a few words
fn test(kind: FactKind, condition: &Condition) -> Test {
    let place = |index: usize, word: &str| match kind.attributes().get(index).map(|attribute| attribute.shape)
    {
        Some(Shape::Word(words) | Shape::Words(words)) => words.iter().position(|one| *one == word),
        _ => None,
    };
    match condition {
        Condition::Is(index, word) => Test::Is {
            slot: slot(*index),
            // -1 is no word's place: a word that the table does not have never holds.
            word: place(*index, word).map_or(-1, |place| place as i64),
        },
        Condition::Contains(index, words) => Test::Contains {
            slot: slot(*index),
            mask: words
                .iter()
                .filter_map(|word| place(*index, word))
                .fold(0, |bits, place| bits | (1 << place)),
        },
        Condition::AtLeast(index, least) => Test::AtLeast {
            slot: slot(*index),
            least: *least,
        },
    }
}

fn window(window: &Window) -> PlannedWindow {
    match window {
        Window::Interval {
            from,
            until,
            otherwise,
        } => PlannedWindow::Interval {
            from: slots(from),
            until: slots(until),
            otherwise: otherwise.map(|after| (slot(after.anchor), after.span)),
        },
        Window::UntilAll { from, ends } => PlannedWindow::UntilAll {
            from: slot(*from),
            ends: ends.iter().map(end).collect(),
        },
        Window::Area {
            level,
            look_back_days,
            after,
        } => {
            // The kind's own attributes: they are in its table.
            let of = |name| slot(FactKind::Stay.index_of(name).unwrap_or_default());
            PlannedWindow::Area {
                level: *level,
                look_back_days: *look_back_days,
                after: *after,
                place: StaySlots {
                    division: of("division"),
                    community: of("community"),
                    arrived_at: of("arrived_at"),
                    left_at: of("left_at"),
                },
            }
        }
    }
}

fn end(end: &End) -> PlannedEnd {
    match end {
        End::Attribute(index) => PlannedEnd::Attribute(slot(*index)),
        End::Fact { kind, condition, at } => PlannedEnd::Fact {
            kind: *kind,
            test: test(*kind, condition),
            at: slot(*at),
        },
    }
}
