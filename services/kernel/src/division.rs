//! GB/T 2260 division codes and the nine-digit street codes inside them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Six digits (province, city, county) or nine (a street or township inside a county). `…0000` names a whole
/// province and `…00` a whole city. That a code is well formed says nothing about whether it was ever issued.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DivisionCode(u32);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DivisionError {
    #[error("a division code has six digits (GB/T 2260) or nine (street)")]
    Shape,
    #[error("a division code does not begin with 0")]
    LeadingZero,
}

impl DivisionCode {
    /// Shandong.
    pub const SHANDONG: Self = Self(370_000);

    pub fn parse(text: &str) -> Result<Self, DivisionError> {
        if !matches!(text.len(), 6 | 9) || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DivisionError::Shape);
        }
        if text.starts_with('0') {
            return Err(DivisionError::LeadingZero);
        }
        text.parse().map(Self).map_err(|_| DivisionError::Shape)
    }

    /// From the number that [`Self::number`] gives: how stores and packed rows keep a code.
    pub fn from_number(number: u32) -> Result<Self, DivisionError> {
        match number {
            100_000..=999_999 | 100_000_000..=999_999_999 => Ok(Self(number)),
            _ => Err(DivisionError::Shape),
        }
    }

    pub const fn number(self) -> u32 {
        self.0
    }

    pub const fn is_street(self) -> bool {
        self.0 > 999_999
    }

    /// The six-digit code: itself, or the county that a street lies in.
    pub const fn county(self) -> Self {
        if self.is_street() {
            Self(self.0 / 1_000)
        } else {
            self
        }
    }

    /// The two digits of the province (GB/T 2260).
    #[allow(clippy::cast_possible_truncation)] // two digits
    pub const fn province(self) -> u8 {
        (self.county().0 / 10_000) as u8
    }

    /// Whether this place is a whole province or a whole city rather than one county or street.
    pub const fn is_above_county(self) -> bool {
        !self.is_street() && self.0.is_multiple_of(100)
    }

    /// Whether `place` is this place or lies inside it.
    pub const fn contains(self, place: Self) -> bool {
        if self.0 == place.0 {
            return true;
        }
        if self.is_street() {
            return false;
        }
        let county = place.county().0;
        if self.0.is_multiple_of(10_000) {
            county / 10_000 == self.0 / 10_000
        } else if self.0.is_multiple_of(100) {
            county / 100 == self.0 / 100
        } else {
            county == self.0
        }
    }
}

impl DivisionCode {
    /// The numbers of all codes that [`Self::contains`]: of six digits, and of streets. For stores, which keep numbers.
    pub const fn numbers(self) -> [RangeInclusive<u32>; 2] {
        if self.is_street() {
            return [self.0..=self.0, self.0..=self.0];
        }
        let span = if self.0.is_multiple_of(10_000) {
            9_999
        } else if self.0.is_multiple_of(100) {
            99
        } else {
            0
        };
        let last = self.0 + span;
        [self.0..=last, self.0 * 1_000..=last * 1_000 + 999]
    }
}

impl fmt::Display for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for DivisionCode {
    type Err = DivisionError;

    fn from_str(text: &str) -> Result<Self, DivisionError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for DivisionCode {
    type Error = DivisionError;

    fn try_from(text: String) -> Result<Self, DivisionError> {
        Self::parse(&text)
    }
}

impl From<DivisionCode> for String {
    fn from(code: DivisionCode) -> Self {
        code.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> DivisionCode {
        DivisionCode::parse(text).unwrap()
    }

    #[test]
    fn a_province_a_city_and_a_county_cover_what_lies_inside_them() {
        assert!(code("370000").contains(code("370202")));
        assert!(code("370200").contains(code("370202001")));
        assert!(code("370202").contains(code("370202001")));
        assert!(!code("370202").contains(code("370203001")));
        assert!(!code("370202001").contains(code("370202")));
        assert!(!code("370100").contains(code("370202")));
    }

    #[test]
    fn the_numbers_of_a_place_are_those_of_what_it_contains() {
        let places = ["370000", "370200", "370202", "370202001", "370299"].map(code);
        let others = [
            "370000",
            "370100",
            "370199",
            "370200",
            "370202",
            "370203",
            "370300",
            "379999",
            "380000",
            "110101",
            "370202001",
            "370202002",
            "370203001",
            "370299999",
            "370300001",
            "369999999",
        ];
        for place in places {
            for other in others.map(code) {
                let is_inside = place
                    .numbers()
                    .iter()
                    .any(|range| range.contains(&other.number()));
                assert_eq!(is_inside, place.contains(other), "{place} {other}");
            }
        }
    }

    #[test]
    fn only_six_or_nine_digits_are_a_code() {
        for bad in ["", "37020", "3702020", "37020a", "０７０２０２", "070202"] {
            assert!(DivisionCode::parse(bad).is_err(), "{bad}");
        }
    }
}
