//! Interim relief: while the source of a contested fact is late with its answer, red that rests on such facts may be shown as yellow. The
//! policy is data; the wall below it is not, and stands in risk-rules: never green, and never below red over an open confirmed case.

use std::collections::BTreeMap;

use lutong_kernel::{Colour, Timestamp};
use lutong_proto::facts::FactKind;

use super::lines;

/// The policy of the province.
const POLICY: &str = include_str!("../../data/relief.csv");
/// The most hours that relief lasts: risk-rules gives none that lasts longer.
const MOST_HOURS: u32 = 168;

/// What is offered, by the kind of the fact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReliefPolicy(BTreeMap<&'static str, Offer>);

/// A line of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// As it is written: it is cited by the decision.
    pub line: String,
    hours: u32,
}

/// A line of a policy that cannot be read, stands twice, or offers what is never given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {0} of the relief policy is not `red,KIND,yellow,HOURS` with a kind that feeds report and 1 to {MOST_HOURS} hours, or stands twice: \
     nothing else is milder and not green"
)]
pub struct ReliefError(pub usize);

/// How a relief stands. Stored in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ReliefState {
    /// Risk-rules is to be asked for it.
    Wanted,
    Given,
    /// Risk-rules is to be told that it ends.
    Ending,
    Ended,
    /// Risk-rules gave none: the fact was taken back before.
    Pointless,
}

/// Relief from the fact of a question whose source is late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relief {
    pub state: ReliefState,
    /// The line of the policy.
    pub policy: String,
    pub from: Timestamp,
    /// Until when at the latest.
    pub until: Timestamp,
    /// When the source answered or the appeal was over, if that was before.
    pub ended_at: Option<Timestamp>,
}

impl Relief {
    /// Whether it is in force at an instant, or will be as soon as risk-rules is reached.
    pub fn runs_at(&self, now: Timestamp) -> bool {
        matches!(self.state, ReliefState::Wanted | ReliefState::Given) && now < self.until
    }

    /// Begins to end it, if it runs.
    pub fn end(&mut self, now: Timestamp) {
        if self.runs_at(now) {
            self.state = ReliefState::Ending;
            self.ended_at = Some(now);
        }
    }
}

impl ReliefPolicy {
    /// The policy of the province that this build has.
    pub fn of_province() -> Result<Self, ReliefError> {
        Self::parse(POLICY)
    }

    pub fn parse(text: &str) -> Result<Self, ReliefError> {
        let mut policy = BTreeMap::new();
        for (number, line) in lines::of_data(text) {
            let wrong = ReliefError(number);
            let (kind, hours) = read(line).ok_or_else(|| wrong.clone())?;
            let offer = Offer {
                line: line.to_owned(),
                hours,
            };
            if policy.insert(kind.as_str(), offer).is_some() {
                return Err(wrong);
            }
        }
        Ok(Self(policy))
    }

    /// The relief from a fact of a kind, whose source was to answer by an instant; `None` where nothing is offered.
    pub fn offer(&self, kind: &str, due_at: Timestamp) -> Option<Relief> {
        let offer = self.0.get(kind)?;
        Some(Relief {
            state: ReliefState::Wanted,
            policy: offer.line.clone(),
            from: due_at,
            until: due_at.plus_seconds(i64::from(offer.hours) * 3_600),
            ended_at: None,
        })
    }
}

fn read(line: &str) -> Option<(FactKind, u32)> {
    let cells: Vec<&str> = line.split(',').collect();
    let [shown, kind, instead, hours] = cells[..] else {
        return None;
    };
    let kind: FactKind = kind.parse().ok()?;
    let (shown, instead): (Colour, Colour) = (shown.parse().ok()?, instead.parse().ok()?);
    let hours = hours
        .parse()
        .ok()
        .filter(|hours| (1..=MOST_HOURS).contains(hours))?;
    let is_offered = (shown, instead) == (Colour::Red, Colour::Yellow) && kind.reporting().reportable;
    is_offered.then_some((kind, hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::parse("2022-11-26T09:00:00+08:00")
            .unwrap()
            .plus_seconds(hour * 3_600)
    }

    #[test]
    fn the_province_gives_none_by_default() {
        let policy = ReliefPolicy::of_province().unwrap();
        assert_eq!(policy, ReliefPolicy::default());
        for kind in FactKind::ALL {
            assert_eq!(policy.offer(kind.as_str(), at(0)), None);
        }
    }

    #[test]
    fn a_policy_never_offers_green_nor_anything_that_is_not_milder() {
        for bad in [
            "red,stay,green,48",
            "yellow,stay,green,48",
            "red,stay,red,48",
            "yellow,stay,red,48",
            "green,stay,green,48",
            "red,stay,yellow",
            "red,stay,yellow,0",
            "red,stay,yellow,169",
            "red,stay,yellow,-1",
            "red,stay,yellow,soon",
            "red,,yellow,48",
            "red,rumour,yellow,48",
            "red,designation,yellow,48",
            "red,relief,yellow,48",
            "blue,stay,yellow,48",
            "red,stay,yellow,48\nred,stay,yellow,24",
        ] {
            assert!(ReliefPolicy::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            ReliefPolicy::parse("# x\n\nred,stay,green,48").unwrap_err(),
            ReliefError(3)
        );
    }

    #[test]
    fn what_is_offered_lasts_from_when_the_source_is_late_for_so_many_hours() {
        let policy = ReliefPolicy::parse("red,stay,yellow,48\nred,case,yellow,1").unwrap();
        let relief = policy.offer("stay", at(4)).unwrap();
        assert_eq!((relief.from, relief.until), (at(4), at(52)));
        assert_eq!(
            (&*relief.policy, relief.state),
            ("red,stay,yellow,48", ReliefState::Wanted)
        );
        assert_eq!(policy.offer("case", at(4)).unwrap().until, at(5));
        assert_eq!(policy.offer("close_contact", at(4)), None);
    }

    #[test]
    fn it_runs_until_its_end_or_until_it_is_ended() {
        let mut relief = ReliefPolicy::parse("red,stay,yellow,48")
            .unwrap()
            .offer("stay", at(0))
            .unwrap();
        assert!(relief.runs_at(at(47)) && !relief.runs_at(at(48)));
        relief.state = ReliefState::Given;
        let mut over = relief.clone();
        over.end(at(48));
        assert_eq!(over, relief, "it was over by itself");
        relief.end(at(3));
        assert_eq!(
            (relief.state, relief.ended_at),
            (ReliefState::Ending, Some(at(3)))
        );
        assert!(!relief.runs_at(at(3)));
        relief.end(at(5));
        assert_eq!(relief.ended_at, Some(at(3)), "it ends once");
    }
}
