//! Countries and regions by alpha-3 code: GB/T 2659, whose letters are those of ISO 3166-1.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One line for each country: alpha-3 code, Chinese name, English name; sorted by code.
const TABLE: &str = include_str!("../data/countries.csv");

/// A country or region of GB/T 2659. HKG, MAC and TWN are regions of China; for entry they count as abroad (境外).
/// Nationality CHN covers them too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country(&'static str);

/// A text that is not a listed alpha-3 code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a nationality or region is a GB/T 2659 alpha-3 code such as CHN or USA")]
pub struct CountryError;

impl Country {
    pub const CHINA: Self = Self("CHN");

    /// Reads a listed code of three upper-case letters.
    pub fn parse(text: &str) -> Result<Self, CountryError> {
        let code = codes().find(|code| *code == text).ok_or(CountryError)?;
        Ok(Self(code))
    }

    /// The alpha-3 code.
    pub const fn as_str(&self) -> &'static str {
        self.0
    }
}

fn codes() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter_map(|line| line.split(',').next())
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
    fn every_code_of_the_table_reads_back_as_it_is_written() {
        assert!(codes().is_sorted_by(|one, next| one < next));
        for code in codes() {
            let country = Country::parse(code).unwrap();
            assert_eq!((country.as_str(), country.to_string().as_str()), (code, code));
        }
        assert_eq!(Country::parse("CHN"), Ok(Country::CHINA));
    }

    #[test]
    fn the_regions_of_china_have_codes_of_their_own_as_in_iso_3166() {
        for region in ["HKG", "MAC", "TWN"] {
            assert!(
                Country::parse(region).is_ok_and(|one| one != Country::CHINA),
                "{region}"
            );
        }
    }

    #[test]
    fn codes_that_iso_3166_does_not_assign_and_other_forms_are_refused() {
        for bad in [
            "", "CN", "chn", "XXX", "ZZZ", "156", "中国", "中", "CHNA", "CH,", "CHN,", ",中",
        ] {
            assert_eq!(Country::parse(bad), Err(CountryError), "{bad}");
        }
    }

    #[test]
    fn json_holds_the_code_and_an_unlisted_code_is_an_error() {
        assert_eq!(serde_json::to_value(Country::CHINA).unwrap(), "CHN");
        assert_eq!(
            serde_json::from_str::<Country>("\"CHN\"").unwrap(),
            Country::CHINA
        );
        let error = serde_json::from_str::<Country>("\"XXX\"").unwrap_err();
        assert!(error.to_string().contains("GB/T 2659"), "{error}");
    }
}
