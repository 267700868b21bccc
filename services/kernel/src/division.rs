//! Administrative divisions: the six-digit codes of GB/T 2260 and the nine-digit street codes of GB/T 10114.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The code of a division: six digits for a province (`370000`), a city (`370200`) or a county (`370202`), nine for a
/// street or township inside a county (`370202001`). The type checks the form; it does not know which codes were issued.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DivisionCode(u32);

/// The rule that a text or number breaks as a division code.
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

    /// Reads six or nine ASCII digits.
    pub fn parse(text: &str) -> Result<Self, DivisionError> {
        if !matches!(text.len(), 6 | 9) || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DivisionError::Shape);
        }
        if text.starts_with('0') {
            return Err(DivisionError::LeadingZero);
        }
        text.parse().map(Self).map_err(|_| DivisionError::Shape)
    }

    /// Reads the number of [`Self::number`].
    pub fn from_number(number: u32) -> Result<Self, DivisionError> {
        match number {
            100_000..=999_999 | 100_000_000..=999_999_999 => Ok(Self(number)),
            _ => Err(DivisionError::Shape),
        }
    }

    /// The digits as a decimal number: how stores and packed rows keep a code.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Whether the code has nine digits.
    pub const fn is_street(self) -> bool {
        self.0 > 999_999
    }

    /// The six-digit code: the county of a street, otherwise the code itself.
    pub const fn county(self) -> Self {
        if self.is_street() {
            Self(self.0 / 1_000)
        } else {
            self
        }
    }

    /// The first two digits, which number the province: 37.
    #[allow(clippy::cast_possible_truncation)] // two digits
    pub const fn province(self) -> u8 {
        (self.county().0 / 10_000) as u8
    }

    /// Whether the division is a province or a city, and not a county or a street.
    pub const fn is_above_county(self) -> bool {
        !self.is_street() && self.0.is_multiple_of(100)
    }

    /// Whether `place` is this division or lies inside it.
    pub const fn contains(self, place: Self) -> bool {
        if self.is_street() {
            return place.0 == self.0;
        }
        let size = self.size();
        place.county().0 / size == self.0 / size
    }

    /// The numbers of all codes that [`Self::contains`], for range queries: the six-digit codes and the street codes.
    pub const fn number_ranges(self) -> [RangeInclusive<u32>; 2] {
        if self.is_street() {
            return [self.0..=self.0, self.0..=self.0];
        }
        let last = self.0 + self.size() - 1;
        [self.0..=last, self.0 * 1_000..=last * 1_000 + 999]
    }

    /// How many six-digit numbers a division of six digits spans: a province 10,000, a city 100, a county 1.
    const fn size(self) -> u32 {
        if self.0.is_multiple_of(10_000) {
            10_000
        } else if self.0.is_multiple_of(100) {
            100
        } else {
            1
        }
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
mod tests;
