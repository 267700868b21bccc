//! Rule sets: data, parsed and compiled once. `rule-sets/sd-2020.toml` is the province's, `rule-sets/sd-2022.toml` its
//! seven-day revision.

mod compile;
mod file;
pub mod lint;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use lutong_kernel::{Colour, Timestamp};

use super::area::{AreaBook, AreaEntry, RiskLevel};
use super::attributes::{Attributes, Value};
use super::evaluate::Plan;
use super::fact::FactKind;
use super::packed::community_key;
pub use file::MAX_DOCUMENT;

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub zh: String,
    pub en: String,
}

/// A compiled rule set.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub id: String,
    pub version: String,
    pub effective_from: Timestamp,
    pub legal_basis: String,
    /// By severity: green, yellow, red.
    guidance: [Text; 3],
    rules: Vec<Rule>,
    plan: Plan,
}

/// One rule: whom it selects, when it is in force, what it makes of them and why.
#[derive(Debug, Clone)]
pub struct Rule {
    pub id: String,
    pub colour: Colour,
    pub reason: Text,
    pub legal_basis: String,
    pub kind: FactKind,
    /// All of them hold.
    pub(super) all: Vec<Condition>,
    /// At least one of them holds; empty: no matter.
    pub(super) any: Vec<Condition>,
    pub(super) window: Window,
}

/// A condition on one attribute, by its index in the kind's table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Is(usize, &'static str),
    Contains(usize, Vec<&'static str>),
    AtLeast(usize, f64),
}

/// How many days after an anchor, and how they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct After {
    pub anchor: usize,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// The anchor's local date is day 0; through the end of day n.
    Days(i32),
    /// n × 24 hours.
    Elapsed(i32),
}

impl Span {
    pub const fn end(self, anchor: Timestamp) -> Timestamp {
        match self {
            Self::Days(days) => anchor.end_of_window(days),
            Self::Elapsed(days) => anchor.plus_seconds(days as i64 * 86_400),
        }
    }
}

/// From when until when a selected fact is in force.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Window {
    /// From the first attribute that is there, until the first of `until` that is, else `otherwise`, else without end.
    Interval {
        from: Vec<usize>,
        until: Vec<usize>,
        otherwise: Option<After>,
    },
    /// From an attribute until the latest of several things, each of which may be missing still.
    UntilAll { from: usize, ends: Vec<End> },
    /// A stay in a listed place.
    Area {
        level: RiskLevel,
        look_back_days: i32,
        after: Span,
    },
}

/// One of the things that must have happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    Attribute(usize),
    /// The earliest fact of a kind with a word, at or after the beginning.
    Fact {
        kind: FactKind,
        condition: Condition,
        at: usize,
    },
}

impl Rule {
    /// Whether it is about stays in listed places.
    pub fn asks_for_an_area(&self) -> bool {
        matches!(self.window, Window::Area { .. })
    }

    /// The listings of its level that a stay lay in, as known at an instant: those that the evaluation goes by.
    pub fn areas_of_stay(&self, stay: &Attributes, areas: &AreaBook, known_at: Timestamp) -> Vec<AreaEntry> {
        let Window::Area {
            level,
            look_back_days,
            ..
        } = self.window
        else {
            return Vec::new();
        };
        let (Some(Value::Division(place)), Some(arrived)) =
            (stay.get("division"), stay.instant("arrived_at"))
        else {
            return Vec::new();
        };
        let left = stay.instant("left_at").unwrap_or(Timestamp::MAX);
        let community = match stay.get("community") {
            Some(Value::Text(name)) => Some(name.as_str()),
            _ => None,
        };
        let lies_in = |area: &AreaEntry| match &area.community {
            None => area.code.contains(*place),
            Some(name) => {
                let key = community_key(name);
                area.code == *place && community.is_some_and(|own| community_key(own) == key)
            }
        };
        let overlaps = |area: &AreaEntry| {
            let look_back = area.from.local_day().plus_days(-look_back_days).start();
            left > look_back && arrived < area.to.unwrap_or(Timestamp::MAX)
        };
        let listed = areas.as_known(known_at).filter(|area| area.level == level);
        listed.filter(lies_in).filter(overlaps).collect()
    }

    /// Whether its end, while none is known, is something that is yet to be recorded.
    pub(super) const fn ends_when_closed(&self) -> bool {
        !matches!(self.window, Window::Area { .. })
    }
}

/// What is wrong with a rule set, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleSetError {
    #[error("the rule set has {bytes} bytes; {MAX_DOCUMENT} (256 KiB) at most")]
    TooLarge { bytes: usize },
    #[error("the rule set cannot be read at line {line}, column {column}: {reason}")]
    Unreadable {
        line: usize,
        column: usize,
        reason: String,
    },
    #[error("rule {rule}: {reason}")]
    Rule { rule: String, reason: String },
    #[error("the rule set: {0}")]
    Whole(String),
}

static SD_2020: LazyLock<RuleSet> = LazyLock::new(|| bundled(RuleSet::SD_2020));
static SD_2022: LazyLock<RuleSet> = LazyLock::new(|| bundled(RuleSet::SD_2022));

fn bundled(text: &str) -> RuleSet {
    match RuleSet::parse(text) {
        Ok(set) => set,
        // Parsed by a test of this build.
        Err(error) => unreachable!("a bundled rule set: {error}"),
    }
}

impl RuleSet {
    /// The first bundled rule set as its author wrote it.
    pub const SD_2020: &'static str = include_str!("../../rule-sets/sd-2020.toml");
    /// Its seven-day revision.
    pub const SD_2022: &'static str = include_str!("../../rule-sets/sd-2022.toml");

    /// The bundled rule set of the province.
    pub fn sd_2020() -> &'static Self {
        &SD_2020
    }

    /// Its revision of November 2022: seven days where it had fourteen for areas, fever clinics and anomalies.
    pub fn sd_2022() -> &'static Self {
        &SD_2022
    }

    /// Every rule set of this build, the oldest first.
    pub fn bundled() -> [&'static Self; 2] {
        [Self::sd_2020(), Self::sd_2022()]
    }

    /// Reads a document of at most [`MAX_DOCUMENT`] bytes. A rule names no other rule: there are no cycles.
    pub fn parse(text: &str) -> Result<Self, RuleSetError> {
        compile::compile(file::read(text)?)
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules as an evaluation walks them.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The rule of an index that an evaluation gave.
    pub fn rule(&self, index: usize) -> Option<&Rule> {
        self.rules.get(index)
    }

    pub fn guidance(&self, colour: Colour) -> &Text {
        match colour {
            Colour::Green => &self.guidance[0],
            Colour::Yellow => &self.guidance[1],
            Colour::Red => &self.guidance[2],
        }
    }
}
