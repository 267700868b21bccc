//! How cases are handled, as data: how often a kind is reopened, and which desk of a division answers it.

use std::collections::BTreeMap;

use lutong_kernel::DivisionCode;

use super::calendar::{Calendar, CalendarError};
use super::content::Kind;
use super::lines;
use super::relief::ReliefPolicy;
use super::retention::{Retention, RetentionError};

/// The rules of the province.
const RULES: &str = include_str!("../../data/handling.csv");

/// The rules by which cases are handled, with the calendar by which their working days are counted.
#[derive(Debug, Clone)]
pub struct Handling {
    pub calendar: Calendar,
    /// Which relief is offered while the source of a contested fact is late.
    pub relief: ReliefPolicy,
    /// How long files are kept.
    pub retention: Retention,
    reopenings: BTreeMap<&'static str, u32>,
    /// By division and kind.
    desks: BTreeMap<(DivisionCode, &'static str), String>,
}

/// Why the rules cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlingError {
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    #[error(transparent)]
    Retention(#[from] RetentionError),
    #[error(
        "line {0} of the rules is neither `reopenings,KIND,COUNT` nor `desk,DIVISION,KIND,DESK`, or stands twice"
    )]
    Line(usize),
    #[error(
        "the rules do not say how often a case of the kind {0} is reopened, or which desk of the province answers it"
    )]
    Missing(&'static str),
}

impl Handling {
    /// The rules of the province that this build has.
    pub fn of_province() -> Result<Self, HandlingError> {
        Self::parse(RULES, Calendar::of_province()?, Retention::of_province()?)
    }

    /// Reads rules. Every kind has a number of reopenings, and a desk of the province.
    pub fn parse(text: &str, calendar: Calendar, retention: Retention) -> Result<Self, HandlingError> {
        use strum::VariantArray as _;
        let mut rules = Self {
            calendar,
            relief: ReliefPolicy::default(),
            retention,
            reopenings: BTreeMap::new(),
            desks: BTreeMap::new(),
        };
        for (number, line) in lines::of_data(text) {
            rules.read(line).ok_or(HandlingError::Line(number))?;
        }
        for kind in Kind::VARIANTS.iter().map(Kind::into_str) {
            let has_desk = rules.desks.contains_key(&(DivisionCode::SHANDONG, kind));
            if !has_desk || !rules.reopenings.contains_key(kind) {
                return Err(HandlingError::Missing(kind));
            }
        }
        Ok(rules)
    }

    fn read(&mut self, line: &str) -> Option<()> {
        let kind = |text: &str| text.parse::<Kind>().ok().map(|kind| kind.into_str());
        let cells: Vec<&str> = line.split(',').collect();
        let is_new = match cells[..] {
            ["reopenings", of, count] => {
                let count = count.parse().ok()?;
                self.reopenings.insert(kind(of)?, count).is_none()
            }
            ["desk", division, of, desk] if !desk.is_empty() => {
                let division = DivisionCode::parse(division).ok()?;
                self.desks
                    .insert((division, kind(of)?), desk.to_owned())
                    .is_none()
            }
            _ => return None,
        };
        is_new.then_some(())
    }

    /// How often a case of a kind is reopened at the most.
    pub fn reopenings(&self, kind: Kind) -> u32 {
        self.reopenings.get(kind.into_str()).copied().unwrap_or_default()
    }

    /// The desk of a division that answers a kind of case: that of the nearest division around it that has a line.
    pub fn desk(&self, division: DivisionCode, kind: Kind) -> &str {
        let mut around = Some(division);
        while let Some(one) = around {
            if let Some(desk) = self.desks.get(&(one, kind.into_str())) {
                return desk;
            }
            around = superior(one);
        }
        ""
    }
}

/// The division above; `None` of the province.
pub fn superior(division: DivisionCode) -> Option<DivisionCode> {
    let number = division.county().number();
    let above = match number {
        number if !number.is_multiple_of(100) => number - number % 100,
        number if !number.is_multiple_of(10_000) => number - number % 10_000,
        _ => return None,
    };
    DivisionCode::from_number(above).ok()
}

#[cfg(test)]
mod tests;
