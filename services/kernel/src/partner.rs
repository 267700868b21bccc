//! Other code systems, as services name them that know no trust list.

use std::fmt::Display;

/// What stands before the code in the name of a source.
const SOURCE: &str = "partner-";

/// Another code system: two digits of GB/T 2260, `00` the national platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerCode(String);

impl PartnerCode {
    pub fn parse(text: &str) -> Option<Self> {
        let is_shaped = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        is_shaped.then(|| Self(text.to_owned()))
    }

    /// Whose source this is; `None` for a source that is no partner's.
    pub fn of_source(source: &str) -> Option<Self> {
        source.strip_prefix(SOURCE).and_then(Self::parse)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The source under which the partner's statements stand.
    pub fn source(&self) -> String {
        source_of(&self.0)
    }
}

/// The source under which the statements of a partner with this code stand.
pub fn source_of(code: impl Display) -> String {
    format!("{SOURCE}{code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_is_two_digits() {
        assert!(PartnerCode::parse("00").is_some());
        for bad in ["", "3", "320", "3a", "３２"] {
            assert_eq!(PartnerCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_partner_is_found_by_its_source() {
        let jiangsu = PartnerCode::parse("32").unwrap();
        assert_eq!(jiangsu.source(), "partner-32");
        assert_eq!(PartnerCode::of_source("partner-32"), Some(jiangsu));
        for bad in ["32", "partner-", "partner-3", "partner-cdc", "Partner-32", "self"] {
            assert_eq!(PartnerCode::of_source(bad), None, "{bad}");
        }
    }
}
