//! The compiled form of a rule set that the evaluation reads: rules grouped by kind of fact, words as numbers.

use lutong_kernel::Colour;

use super::mask::RuleMask;
use super::{Condition, DayCount, End, Rule, Window};
use crate::area::RiskLevel;
use crate::attributes::Shape;
use crate::fact::FactKind;
use crate::packed::PackedFact;

/// Maximum number of rules in a set: a stored decision has one bit for each.
pub const MAX_RULES: usize = 63;

/// Compiled rules, grouped by the kind of fact that they select.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    by_kind: [Vec<PlannedRule>; FactKind::ALL.len()],
    red: RuleMask,
    yellow: RuleMask,
}

/// A compiled rule.
#[derive(Debug, Clone)]
pub(crate) struct PlannedRule {
    /// Index in the rule set.
    pub rule: u8,
    all: Vec<SlotTest>,
    any: Vec<SlotTest>,
    pub window: PlannedWindow,
}

/// A condition on one slot of a packed fact.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SlotTest {
    Is {
        slot: u8,
        word: i64,
    },
    /// At least one bit of the mask is set.
    Contains {
        slot: u8,
        mask: i64,
    },
    AtLeast {
        slot: u8,
        least: f64,
    },
}

/// The window of a rule, with slots in place of attributes.
#[derive(Debug, Clone)]
pub(crate) enum PlannedWindow {
    Interval {
        from: Vec<u8>,
        until: Vec<u8>,
        otherwise: Option<(u8, DayCount)>,
    },
    UntilAll {
        from: u8,
        ends: Vec<PlannedEnd>,
    },
    Area {
        level: RiskLevel,
        look_back_days: i32,
        after: DayCount,
        place: StaySlots,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum PlannedEnd {
    Attribute(u8),
    Fact { kind: FactKind, test: SlotTest, at: u8 },
}

/// The slots of a stay's attributes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StaySlots {
    pub division: u8,
    pub community: u8,
    pub arrived_at: u8,
    pub left_at: u8,
}

impl Plan {
    /// Compiles at most [`MAX_RULES`] rules; parsing has rejected rule sets with more.
    pub fn new(rules: &[Rule]) -> Self {
        let mut plan = Self::default();
        for (index, rule) in rules.iter().enumerate().take(MAX_RULES) {
            let tests =
                |conditions: &[Condition]| conditions.iter().map(|one| test(rule.kind, one)).collect();
            plan.by_kind[rule.kind as usize].push(PlannedRule {
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

    /// The most severe colour of some rules; green if there are none.
    pub const fn colour(&self, rules: RuleMask) -> Colour {
        if rules.intersects(self.red) {
            Colour::Red
        } else if rules.intersects(self.yellow) {
            Colour::Yellow
        } else {
            Colour::Green
        }
    }

    /// Whether a rule makes red.
    pub(crate) const fn is_red(&self, rule: u8) -> bool {
        self.red.has(rule)
    }

    pub(crate) fn steps(&self, kind: FactKind) -> &[PlannedRule] {
        &self.by_kind[kind as usize]
    }
}

impl PlannedRule {
    pub fn selects(&self, fact: &PackedFact) -> bool {
        self.all.iter().all(|test| test.holds(fact))
            && (self.any.is_empty() || self.any.iter().any(|test| test.holds(fact)))
    }
}

impl SlotTest {
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

/// Kinds have at most four attributes and rule sets at most 63 rules.
#[allow(clippy::cast_possible_truncation)]
const fn slot(index: usize) -> u8 {
    index as u8
}

fn slots(indexes: &[usize]) -> Vec<u8> {
    indexes.iter().map(|index| slot(*index)).collect()
}

#[allow(clippy::cast_possible_wrap)] // a place in a list of a few words
fn test(kind: FactKind, condition: &Condition) -> SlotTest {
    let place = |index: usize, word: &str| match kind.attributes().get(index).map(|attribute| attribute.shape)
    {
        Some(Shape::Word(words) | Shape::Words(words)) => words.iter().position(|one| *one == word),
        _ => None,
    };
    match condition {
        Condition::Is(index, word) => SlotTest::Is {
            slot: slot(*index),
            // No word has the index -1: a condition on an unknown word never holds.
            word: place(*index, word).map_or(-1, |place| place as i64),
        },
        Condition::Contains(index, words) => SlotTest::Contains {
            slot: slot(*index),
            mask: words
                .iter()
                .filter_map(|word| place(*index, word))
                .fold(0, |bits, place| bits | (1 << place)),
        },
        Condition::AtLeast(index, least) => SlotTest::AtLeast {
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
            // The table of stays contains these attributes.
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
