//! The rules by which complaints about a place hold it to account, as data with a version.

use std::collections::BTreeMap;

use strum::VariantArray as _;

use crate::domain::lines;
use crate::domain::place::PlaceKind;

/// The rules of the province.
const RULES: &str = include_str!("../../../data/accountability.csv");

/// Days within which a rule may count, and the longest that anything is kept for one.
pub const MAX_DAYS: i64 = 366;
/// The most of anything that a rule may ask for.
const MAX_COUNT: usize = 10_000;

/// The rules of the province.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub version: i64,
    /// Working days within which an outcome is published.
    pub due_working_days: u32,
    /// Days within which all complaints of one person are one voice.
    pub period_days: i64,
    pub thresholds: Vec<Threshold>,
    pub caps: Caps,
    bodies: BTreeMap<PlaceKind, String>,
}

/// Opens a case with so many of what it counts within so many days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    pub id: String,
    pub counts: Counts,
    pub count: usize,
    pub days: i64,
}

/// What a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Counts {
    /// Voices whose complaints were found to be so.
    Confirmed,
    /// Persons whose complaints were not found to be untrue.
    Persons,
}

/// How many persons count of those who look like a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// At most so many of any so many minutes.
    pub burst_minutes: i64,
    pub burst: usize,
    /// At most so many of one network.
    pub network: usize,
    /// At most so many who were registered less than so many days before.
    pub new_days: i64,
    pub new: usize,
}

/// Why rules cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    #[error(
        "line {0} of the accountability rules is none of those that their head describes, stands twice, or is out of bounds"
    )]
    Line(usize),
    #[error("the accountability rules have no line `{0}`")]
    Missing(&'static str),
}

/// The lines as they are read.
#[derive(Default)]
struct Draft {
    version: Option<i64>,
    due: Option<i64>,
    period: Option<i64>,
    thresholds: Vec<Threshold>,
    burst: Option<(i64, usize)>,
    network: Option<usize>,
    new: Option<(i64, usize)>,
    bodies: BTreeMap<PlaceKind, String>,
}

impl Rules {
    /// The rules of the province that this build has.
    pub fn of_province() -> Result<Self, RulesError> {
        Self::parse(RULES)
    }

    /// Reads rules. Every kind of place has a responsible body, and there is at least one rule.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let mut draft = Draft::default();
        for (number, line) in lines::of_data(text) {
            draft.read(line).ok_or(RulesError::Line(number))?;
        }
        if draft.thresholds.is_empty() {
            return Err(RulesError::Missing("rule"));
        }
        if let Some(kind) = PlaceKind::VARIANTS
            .iter()
            .find(|kind| !draft.bodies.contains_key(kind))
        {
            return Err(RulesError::Missing(kind.into_str()));
        }
        let due = draft.due.ok_or(RulesError::Missing("due"))?;
        let (burst_minutes, burst) = draft.burst.ok_or(RulesError::Missing("burst"))?;
        let (new_days, new) = draft.new.ok_or(RulesError::Missing("new"))?;
        Ok(Self {
            version: draft.version.ok_or(RulesError::Missing("version"))?,
            due_working_days: u32::try_from(due).map_err(|_| RulesError::Missing("due"))?,
            period_days: draft.period.ok_or(RulesError::Missing("period"))?,
            thresholds: draft.thresholds,
            caps: Caps {
                burst_minutes,
                burst,
                network: draft.network.ok_or(RulesError::Missing("network"))?,
                new_days,
                new,
            },
            bodies: draft.bodies,
        })
    }

    /// Who is responsible for places of a kind.
    pub fn body(&self, kind: PlaceKind) -> &str {
        self.bodies.get(&kind).map_or("", String::as_str)
    }

    /// The days after which nothing that was filed counts for any rule any more.
    pub fn longest_days(&self) -> i64 {
        let days = self.thresholds.iter().map(|threshold| threshold.days);
        days.chain([self.period_days]).max().unwrap_or(MAX_DAYS)
    }
}

impl Draft {
    fn read(&mut self, line: &str) -> Option<()> {
        let cells: Vec<&str> = line.split(',').collect();
        let is_new = match cells[..] {
            ["version", version] => self.version.replace(number(version, i64::MAX)?).is_none(),
            ["due", days] => self.due.replace(number(days, 60)?).is_none(),
            ["period", days] => self.period.replace(number(days, MAX_DAYS)?).is_none(),
            ["burst", minutes, most] => self
                .burst
                .replace((number(minutes, MAX_DAYS * 24 * 60)?, count(most)?))
                .is_none(),
            ["network", most] => self.network.replace(count(most)?).is_none(),
            ["new", days, most] => self
                .new
                .replace((number(days, MAX_DAYS)?, count(most)?))
                .is_none(),
            ["body", kind, body] => self.bodies.insert(kind.parse().ok()?, word(body)?).is_none(),
            ["rule", id, counts, of, days] => {
                let threshold = Threshold {
                    id: word(id)?,
                    counts: counts.parse().ok()?,
                    count: count(of)?,
                    days: number(days, MAX_DAYS)?,
                };
                let is_new = self.thresholds.iter().all(|one| one.id != threshold.id);
                self.thresholds.push(threshold);
                is_new
            }
            _ => return None,
        };
        is_new.then_some(())
    }
}

/// A number from 1 to the most.
fn number(text: &str, most: i64) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (1..=most).contains(&number).then_some(number)
}

fn count(text: &str) -> Option<usize> {
    let count: usize = text.parse().ok()?;
    (1..=MAX_COUNT).contains(&count).then_some(count)
}

/// Lower-case letters, figures and hyphens.
fn word(text: &str) -> Option<String> {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (!text.is_empty() && text.bytes().all(is_word)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_province_has_rules_and_a_body_for_every_kind_of_place() {
        let rules = Rules::of_province().unwrap();
        assert!(rules.version >= 1 && !rules.thresholds.is_empty());
        for kind in PlaceKind::VARIANTS {
            assert!(!rules.body(*kind).is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for line in [
            "version,0",
            "version,2",
            "due,61",
            "due,x",
            "period,-1",
            "period,367",
            "rule,three-confirmed,confirmed,3,30",
            "rule,X,confirmed,3,30",
            "rule,x,said,3,30",
            "rule,x,persons,0,30",
            "rule,x,persons,3,367",
            "rule,x,persons,3",
            "burst,60,5",
            "network,0",
            "new,7",
            "body,hotel,x",
            "body,school,x",
            "what,1",
        ] {
            let text = format!("{RULES}{line}\n");
            let last = text.lines().count();
            assert_eq!(Rules::parse(&text), Err(RulesError::Line(last)), "{line}");
        }
    }

    #[test]
    fn whatever_is_missing_is_named() {
        for (line, missing) in [
            ("version,", "version"),
            ("due,", "due"),
            ("period,", "period"),
            ("rule,", "rule"),
            ("burst,", "burst"),
            ("network,", "network"),
            ("new,", "new"),
            ("body,hotel,", "hotel"),
        ] {
            let left = RULES.lines().filter(|one| !one.starts_with(line));
            let text: Vec<&str> = left.collect();
            assert_eq!(
                Rules::parse(&text.join("\n")),
                Err(RulesError::Missing(missing)),
                "{line}"
            );
        }
    }
}
