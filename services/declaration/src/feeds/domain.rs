//! What a feed may report: the authorities of the order, the fact kinds of each, and the names that a feed must not have.

use std::fmt;

use lutong_proto::facts::FactKind;
use strum::VariantArray as _;

/// Rows of one message, and of an all-or-nothing import.
pub const MAX_ROWS: usize = 1_000;

/// The kinds that a feed may be granted, as the contract says. Designations, which take two officers, and codes of other provinces,
/// which federation verifies, are not among them.
pub fn reportable_kinds() -> impl Iterator<Item = &'static str> {
    let granted = FactKind::ALL
        .into_iter()
        .filter(|kind| kind.reporting().reportable);
    granted.map(FactKind::as_str)
}

/// Characters of a source's name.
const MAX_SOURCE: usize = 100;

/// An authority that the order names as a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case", const_into_str)]
#[strum(parse_err_ty = UnknownAuthority, parse_err_fn = unknown_authority)]
pub enum Authority {
    /// Fever clinics.
    Hospital,
    /// Cases, contacts, isolation.
    Cdc,
    /// Entry, quarantine.
    Border,
    Laboratory,
    /// Stays.
    Transport,
    /// Stays.
    Telecom,
    EpidemicDatabase,
}

/// The text is not the name of an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAuthority(String);

fn unknown_authority(text: &str) -> UnknownAuthority {
    UnknownAuthority(text.chars().take(40).collect())
}

impl fmt::Display for UnknownAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Authority::ALL.iter().map(Authority::into_str).collect();
        let names = names.join(", ");
        write!(f, "there is no feed {:?}: a feed is one of {names}", self.0)
    }
}

impl std::error::Error for UnknownAuthority {}

impl Authority {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The kinds that a feed of this authority reports, as the contract says. Isolation is part of the reports of a CDC (observation of a
    /// contact, closure of a case), quarantine is part of an entry.
    pub fn kinds(self) -> Vec<&'static str> {
        let reports = |kind: &FactKind| kind.reporting().authorities.contains(&self.into_str());
        FactKind::ALL
            .into_iter()
            .filter(reports)
            .map(FactKind::as_str)
            .collect()
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into_str())
    }
}

/// Why a feed cannot have a name or be granted a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantError {
    Shape,
    Reserved(&'static str),
    Kind(String),
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => write!(f, "a source has 1 to {MAX_SOURCE} of a-z, 0-9 and -"),
            Self::Reserved(word) => write!(f, "{word:?} names what no feed reports"),
            Self::Kind(kind) => write!(
                f,
                "no feed reports {kind:?}: a kind is one of {}",
                reportable_kinds().collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

impl std::error::Error for GrantError {}

/// Checks that a feed can have this name.
pub fn check_source(source: &str) -> Result<(), GrantError> {
    let fits = (1..=MAX_SOURCE).contains(&source.len())
        && source
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        return Err(GrantError::Shape);
    }
    match lutong_kernel::source::reserved(source) {
        Some(word) => Err(GrantError::Reserved(word)),
        None => Ok(()),
    }
}

/// Checks that a feed can be granted this kind.
pub fn check_kind(kind: &str) -> Result<(), GrantError> {
    if reportable_kinds().any(|one| one == kind) {
        return Ok(());
    }
    Err(GrantError::Kind(kind.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_is_named_and_reports_what_a_feed_may() {
        for authority in Authority::ALL.iter().copied() {
            assert_eq!(authority.into_str().parse(), Ok(authority));
            assert!(!authority.kinds().is_empty());
            assert!(authority.kinds().iter().all(|kind| check_kind(kind).is_ok()));
        }
        let error = "police".parse::<Authority>().unwrap_err().to_string();
        assert!(
            error.contains("\"police\"") && error.contains("laboratory"),
            "{error}"
        );
    }

    #[test]
    fn a_feed_has_neither_the_name_nor_the_kinds_of_what_is_not_reported() {
        for good in ["cdc-370200", "lab-370203", "epidemic-database", "selfservice-1"] {
            assert_eq!(check_source(good), Ok(()));
        }
        for bad in ["", "CDC", "疾控", "cdc 1", "cdc/1", &"a".repeat(101)] {
            assert_eq!(check_source(bad), Err(GrantError::Shape), "{bad}");
        }
        for reserved in ["self", "federation", "partner-37", "officer-1"] {
            assert!(matches!(check_source(reserved), Err(GrantError::Reserved(_))));
        }
        for kind in ["designation", "partner_code", "cases", ""] {
            assert!(
                check_kind(kind)
                    .unwrap_err()
                    .to_string()
                    .contains("close_contact")
            );
        }
    }
}
