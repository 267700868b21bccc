//! Where somebody arrives, and where they were on the way.

pub mod pending_step;

use lutong_kernel::fault::Violations;
use lutong_kernel::{ApplicationId, DivisionCode, Fault, FreeText, TextRule, Timestamp, Violation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::declarations::domain::statement::{SELF, Statement, key};
use crate::fault;
use crate::fault::arrivals;

/// Local days before today.
const DAYS_BACK: i32 = 14;
/// How far ahead somebody may declare.
const AHEAD: std::time::Duration = std::time::Duration::from_secs(86_400);
/// Characters of an address, a community and a means of transport.
const MAX_DETAIL: usize = 200;
const MAX_COMMUNITY: usize = 200;
const MAX_TRANSPORT: usize = 100;

/// A destination as stated, unchecked.
#[derive(Debug, Clone, Copy)]
pub struct StatedDestination<'a> {
    pub division: &'a str,
    pub detail: &'a str,
    pub arrive_at: Option<Timestamp>,
}

/// A leg as stated, unchecked.
#[derive(Debug, Clone, Copy)]
pub struct StatedLeg<'a> {
    pub division: &'a str,
    pub community: &'a str,
    pub arrive_at: Option<Timestamp>,
    pub leave_at: Option<Timestamp>,
    pub transport: &'a str,
}

/// A checked destination.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    pub division: String,
    /// Personal: never logged.
    pub detail: String,
    pub arrive_at: Timestamp,
}

/// A checked leg.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    pub division: String,
    pub community: Option<String>,
    pub arrive_at: Timestamp,
    pub leave_at: Timestamp,
    pub transport: Option<String>,
}

/// What an arrival says beside the form of an application.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// GB/T 2659 alpha-3; absent from another province.
    pub country: Option<String>,
    pub destination: Destination,
    pub legs: Vec<Leg>,
}

impl std::fmt::Debug for Journey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journey")
    }
}

/// The days that may be named: the 14 before today, today, and a day ahead.
#[derive(Debug, Clone, Copy)]
struct Period {
    start: Timestamp,
    end: Timestamp,
}

impl Period {
    fn around(now: Timestamp) -> Self {
        Self {
            start: now.local_day().plus_days(-DAYS_BACK).start(),
            end: now.plus(AHEAD),
        }
    }

    fn has(self, at: Timestamp) -> bool {
        self.start <= at && at <= self.end
    }
}

impl Journey {
    /// Checks destination and legs, or returns every wrong field.
    pub fn check(
        country: Option<&str>,
        destination: StatedDestination<'_>,
        legs: &[StatedLeg<'_>],
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let period = Period::around(now);
        let mut wrong = Violations::new();
        let mut own = Violations::new();
        let destination = destination.check(period, now, &mut own);
        add(&mut wrong, own, "destination");
        let (mut checked, mut before) = (Vec::with_capacity(legs.len()), None);
        for (n, leg) in legs.iter().enumerate() {
            let mut own = Violations::new();
            let leg = leg.check(period, before, &mut own);
            add(&mut wrong, own, &format!("itinerary[{n}]"));
            before = leg.as_ref().map(|leg| leg.leave_at).or(before);
            checked.extend(leg);
        }
        wrong.finish()?;
        Ok(Self {
            country: country.map(str::to_owned),
            destination: destination.ok_or_else(|| Fault::internal("a destination was not read"))?,
            legs: checked,
        })
    }

    /// The stays of its legs.
    pub fn statements(&self, declaration: ApplicationId) -> impl Iterator<Item = Statement> {
        let legs = self.legs.iter().enumerate();
        legs.map(move |(n, leg)| {
            let mut attributes = Map::new();
            attributes.insert("division".to_owned(), json!(leg.division));
            if let Some(community) = &leg.community {
                attributes.insert("community".to_owned(), json!(community));
            }
            attributes.insert("arrived_at".to_owned(), json!(leg.arrive_at));
            attributes.insert("left_at".to_owned(), json!(leg.leave_at));
            Statement {
                source: SELF.to_owned(),
                key: key(declaration, format_args!("leg-{n}")),
                kind: "stay".to_owned(),
                attributes,
                replaces: None,
                retracts: None,
            }
        })
    }
}

fn add(wrong: &mut Violations, own: Violations, path: &str) {
    if let Err(fault) = own.finish() {
        let violations = fault.violations.into_iter();
        violations.for_each(|one| wrong.push(one.within(path)));
    }
}

impl StatedDestination<'_> {
    fn check(self, period: Period, now: Timestamp, wrong: &mut Violations) -> Option<Destination> {
        let division = wrong.take(self.check_division());
        let detail = FreeText::parse(self.detail, TextRule::line(MAX_DETAIL));
        let detail = wrong.take(detail.map_err(|error| error.violation("detail")));
        let arrive_at = self.arrive_at.unwrap_or(now);
        if !period.has(arrive_at) {
            wrong.push(arrivals::arrive_time_outside());
        }
        Some(Destination {
            division: division?.to_string(),
            detail: detail?.into_string(),
            arrive_at,
        })
    }

    fn check_division(&self) -> Result<DivisionCode, Violation> {
        let division = DivisionCode::parse(self.division).map_err(|error| fault::division_shape(&error))?;
        if DivisionCode::SHANDONG.contains(division) && !division.is_above_county() {
            return Ok(division);
        }
        Err(arrivals::destination_outside())
    }
}

impl StatedLeg<'_> {
    fn check(self, period: Period, before: Option<Timestamp>, wrong: &mut Violations) -> Option<Leg> {
        let division = DivisionCode::parse(self.division).map_err(|error| fault::division_shape(&error));
        let division = wrong.take(division);
        let line = |text, most, field| {
            let read = FreeText::parse_optional(text, TextRule::line(most));
            read.map_err(|error| error.violation(field))
        };
        let community = wrong.take(line(self.community, MAX_COMMUNITY, "community"));
        let transport = wrong.take(line(self.transport, MAX_TRANSPORT, "transport"));
        let missing = arrivals::leg_time_missing;
        let arrive_at = wrong.take(self.arrive_at.ok_or_else(|| missing("arrive_time")));
        let leave_at = wrong.take(self.leave_at.ok_or_else(|| missing("leave_time")));
        let (arrive_at, leave_at) = (arrive_at?, leave_at?);
        if leave_at < arrive_at {
            wrong.push(arrivals::leg_backwards());
        }
        if before.is_some_and(|before| arrive_at < before) {
            wrong.push(arrivals::leg_overlapping());
        }
        if !period.has(arrive_at) || !period.has(leave_at) {
            wrong.push(arrivals::leg_outside());
        }
        Some(Leg {
            division: division?.to_string(),
            community: community?.map(FreeText::into_string),
            arrive_at,
            leave_at,
            transport: transport?.map(FreeText::into_string),
        })
    }
}

/// A division and those around it, up to the province: whose officers an arrival there concerns.
pub fn enclosing(division: DivisionCode) -> Vec<DivisionCode> {
    let county = division.county();
    let (city, province) = (county.number() / 100 * 100, county.number() / 10_000 * 10_000);
    let around = [city, province].map(DivisionCode::from_number);
    let mut all = vec![division, county];
    all.extend(around.into_iter().flatten());
    all.dedup();
    all
}

#[cfg(test)]
mod tests;
