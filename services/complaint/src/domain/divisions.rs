//! The divisions of Shandong that there are.

use std::collections::BTreeSet;

use lutong_kernel::{DivisionCode, Violation};

use super::content::division;
use super::lines;
use crate::fault;

/// The province, its cities and its counties.
const DIVISIONS: &str = include_str!("../../data/divisions.csv");

/// The codes that were issued.
#[derive(Debug, Clone)]
pub struct Divisions(BTreeSet<DivisionCode>);

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the divisions is not `CODE,NAME` of a division of Shandong, or stands twice")]
pub struct DivisionsError {
    pub line: usize,
}

impl Divisions {
    /// The divisions that this build knows.
    pub fn of_province() -> Result<Self, DivisionsError> {
        Self::parse(DIVISIONS)
    }

    pub fn parse(text: &str) -> Result<Self, DivisionsError> {
        let mut codes = BTreeSet::new();
        for (number, line) in lines::of_data(text) {
            let code = line.split_once(',').map(|(code, _)| code).unwrap_or_default();
            let code = division(code)
                .ok()
                .filter(|division| division.to_string() == code);
            let is_new = code.is_some_and(|code| codes.insert(code));
            if !is_new {
                return Err(DivisionsError { line: number });
            }
        }
        Ok(Self(codes))
    }

    /// The division that was stated, of a street its county: one that there is.
    pub fn find(&self, stated: &str) -> Result<DivisionCode, Violation> {
        let division = division(stated)?;
        if self.0.contains(&division) {
            Ok(division)
        } else {
            Err(fault::division_unknown())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_city_and_county_of_the_province_is_known() {
        let divisions = Divisions::of_province().unwrap();
        assert!(divisions.0.len() > 150, "{}", divisions.0.len());
        for (stated, found) in [
            ("370000", Ok("370000")),
            ("370200", Ok("370200")),
            ("370202", Ok("370202")),
            ("370202001", Ok("370202")),
            ("370299", Err("DIVISION_UNKNOWN")),
            ("371200", Err("DIVISION_UNKNOWN")),
            ("110101", Err("DIVISION_OUTSIDE_SHANDONG")),
            ("37020", Err("DIVISION_OUTSIDE_SHANDONG")),
        ] {
            let code = divisions.find(stated).map(|code| code.to_string());
            let code = code.map_err(|wrong| wrong.reason.into_owned());
            assert_eq!(code, found.map(str::to_owned).map_err(str::to_owned), "{stated}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for (text, line) in [
            ("370000,山东省\n110101,东城区", 2),
            ("# x\n\n370202001,街道", 3),
            ("370202", 1),
            ("370202,市南区\n370202,市南区", 2),
        ] {
            assert_eq!(
                Divisions::parse(text).unwrap_err(),
                DivisionsError { line },
                "{text}"
            );
        }
    }
}
