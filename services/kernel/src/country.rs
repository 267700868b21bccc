//! Countries and regions by their GB/T 2659 alpha-3 code (the same letters as ISO 3166-1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One line a country: alpha-3, Chinese name, English name; sorted by code.
const TABLE: &str = include_str!("../data/countries.csv");

/// A country or region that the table lists. HKG, MAC and TWN are regions of China and count as abroad (境外)
/// for entry; nationality CHN covers them too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 3]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a nationality or region is a GB/T 2659 alpha-3 code such as CHN or USA")]
pub struct CountryError;

impl Country {
    pub const CHINA: Self = Self(*b"CHN");

    pub fn parse(text: &str) -> Result<Self, CountryError> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| CountryError)?;
        if row(code).is_none() {
            return Err(CountryError);
        }
        Ok(Self(code))
    }

    pub fn as_str(&self) -> &str {
        // Only ASCII codes of the table get in.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    pub fn name_zh(&self) -> &'static str {
        row(self.0)
            .and_then(|line| line.split(',').nth(1))
            .unwrap_or_default()
    }

    pub fn name_en(&self) -> &'static str {
        row(self.0)
            .and_then(|line| line.split(',').nth(2))
            .unwrap_or_default()
    }
}

fn row(code: [u8; 3]) -> Option<&'static str> {
    TABLE
        .lines()
        .find(|line| line.as_bytes().starts_with(&code) && line.as_bytes().get(3) == Some(&b','))
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Country {
    type Error = CountryError;

    fn try_from(text: String) -> Result<Self, CountryError> {
        Self::parse(&text)
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_codes_parse_and_others_are_refused() {
        assert_eq!(Country::parse("CHN"), Ok(Country::CHINA));
        assert_eq!(Country::CHINA.name_zh(), "中国");
        for bad in ["", "CN", "chn", "XXX", "中国", "CHNA"] {
            assert_eq!(Country::parse(bad), Err(CountryError), "{bad}");
        }
    }
}
