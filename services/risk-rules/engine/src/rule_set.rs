//! Rule sets: documents that are parsed and compiled once. `rule-sets/sd-2020.toml` is the rule set of the province,
//! `rule-sets/sd-2022.toml` its seven-day revision.

mod compile;
mod file;
pub mod lint;
mod mask;
pub(crate) mod plan;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use lutong_kernel::{Colour, Timestamp};

use super::area::{AreaBook, AreaEntry, RiskLevel};
use super::attributes::{Attributes, Value};
use super::fact::FactKind;
use super::packed::community_key;
pub use file::MAX_DOCUMENT;
pub use mask::RuleMask;
pub use plan::{MAX_RULES, Plan};

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
    /// Ordered by severity: green, yellow, red.
    guidance: [Text; 3],
    rules: Vec<Rule>,
    plan: Plan,
}

/// One rule: the facts that it selects, its window, its colour and its reason.
#[derive(Debug, Clone)]
pub struct Rule {
    pub id: String,
    pub colour: Colour,
    pub reason: Text,
    pub legal_basis: String,
    pub kind: FactKind,
    /// All of these conditions must hold.
    all: Vec<Condition>,
    /// At least one of these conditions must hold, unless there are none.
    any: Vec<Condition>,
    window: Window,
}

/// A condition on one attribute, given by its index in the kind's table.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Is(usize, &'static str),
    Contains(usize, Vec<&'static str>),
    AtLeast(usize, f64),
}

/// The end of a window: a number of days after an anchor attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AnchoredEnd {
    pub anchor: usize,
    pub span: DayCount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayCount {
    /// Through the end of local day n; the local date of the anchor is day 0.
    Days(i32),
    /// n × 24 hours.
    Elapsed(i32),
}

impl DayCount {
    pub const fn end(self, anchor: Timestamp) -> Timestamp {
        match self {
            Self::Days(days) => anchor.end_of_window(days),
            Self::Elapsed(days) => anchor.plus_seconds(days as i64 * 86_400),
        }
    }
}

/// The period in which a selected fact is in force.
#[derive(Debug, Clone, PartialEq)]
enum Window {
    /// From the first present attribute of `from` until the first present attribute of `until`, otherwise until `otherwise`, otherwise
    /// without end.
    Interval {
        from: Vec<usize>,
        until: Vec<usize>,
        otherwise: Option<AnchoredEnd>,
    },
    /// From an attribute until the latest of several ends; without end while any of them is missing.
    UntilAll { from: usize, ends: Vec<End> },
    /// A stay in a listed area.
    Area {
        level: RiskLevel,
        look_back_days: i32,
        after: DayCount,
    },
}

/// One of the ends that must all have been recorded.
#[derive(Debug, Clone, PartialEq)]
enum End {
    Attribute(usize),
    /// The earliest fact of a kind that satisfies a condition, at or after the start of the window.
    Fact {
        kind: FactKind,
        condition: Condition,
        at: usize,
    },
}

impl Rule {
    /// Whether the rule selects stays in listed areas.
    pub fn asks_for_an_area(&self) -> bool {
        matches!(self.window, Window::Area { .. })
    }

    /// The listings of the rule's level that contain a stay, as known at an instant: the ones that the evaluation uses.
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

    /// Whether an unknown end depends on something that has yet to be recorded.
    pub(crate) const fn ends_when_closed(&self) -> bool {
        !matches!(self.window, Window::Area { .. })
    }
}

/// Why a rule set is rejected, and where.
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
        // Unreachable: a test of this build parses every bundled rule set.
        Err(error) => unreachable!("a bundled rule set: {error}"),
    }
}

impl RuleSet {
    /// The document of the rule set `sd-2020`.
    pub const SD_2020: &'static str = include_str!("../rule-sets/sd-2020.toml");
    /// The document of the rule set `sd-2022`.
    pub const SD_2022: &'static str = include_str!("../rule-sets/sd-2022.toml");

    /// The bundled rule set of the province.
    pub fn sd_2020() -> &'static Self {
        &SD_2020
    }

    /// The revision of November 2022: seven days instead of fourteen for areas, fever clinics and anomalies.
    pub fn sd_2022() -> &'static Self {
        &SD_2022
    }

    /// All bundled rule sets, the oldest first.
    pub fn bundled() -> [&'static Self; 2] {
        [Self::sd_2020(), Self::sd_2022()]
    }

    /// Parses a document of at most [`MAX_DOCUMENT`] bytes. Rules do not refer to each other, so there are no cycles.
    pub fn parse(text: &str) -> Result<Self, RuleSetError> {
        compile::compile(file::read(text)?)
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The compiled form that the evaluation reads.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The rule with an index, as used in citations.
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
