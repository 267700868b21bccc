//! Who reports what: the authorities of the order, the kinds that each of them knows about, and the names that no feed has.

use std::fmt;
use std::str::FromStr;

use lutong_proto::facts::FactKind;

/// Rows of one message, and of an all-or-nothing import.
pub const MAX_ROWS: usize = 1_000;

/// The kinds that a feed may be granted, as the contract says. A designation takes two officers, another province's code is
/// verified by federation: neither is anybody's to report.
pub fn reportable() -> impl Iterator<Item = &'static str> {
    let granted = FactKind::ALL
        .into_iter()
        .filter(|kind| kind.reporting().reportable);
    granted.map(FactKind::as_str)
}

/// Characters of a source's name.
const MAX_SOURCE: usize = 100;

/// An authority whose feed the order names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAuthority(String);

impl fmt::Display for UnknownAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Authority::ALL.map(Authority::as_str).join(", ");
        write!(f, "there is no feed {:?}: a feed is one of {names}", self.0)
    }
}

impl std::error::Error for UnknownAuthority {}

impl Authority {
    pub const ALL: [Self; 7] = [
        Self::Hospital,
        Self::Cdc,
        Self::Border,
        Self::Laboratory,
        Self::Transport,
        Self::Telecom,
        Self::EpidemicDatabase,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hospital => "hospital",
            Self::Cdc => "cdc",
            Self::Border => "border",
            Self::Laboratory => "laboratory",
            Self::Transport => "transport",
            Self::Telecom => "telecom",
            Self::EpidemicDatabase => "epidemic-database",
        }
    }

    /// The kinds that such a feed reports, as the contract says: isolation is a part of what a CDC reports, observation of a
    /// contact or closure of a case; quarantine is a part of an entry.
    pub fn kinds(self) -> Vec<&'static str> {
        let reports = |kind: &FactKind| kind.reporting().authorities.contains(&self.as_str());
        FactKind::ALL
            .into_iter()
            .filter(reports)
            .map(FactKind::as_str)
            .collect()
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Authority {
    type Err = UnknownAuthority;

    fn from_str(text: &str) -> Result<Self, UnknownAuthority> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| UnknownAuthority(text.chars().take(40).collect()))
    }
}

/// Why a name or a kind is none that a feed can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAFeeds {
    Shape,
    Reserved(&'static str),
    Kind(String),
}

impl fmt::Display for NotAFeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => write!(f, "a source has 1 to {MAX_SOURCE} of a-z, 0-9 and -"),
            Self::Reserved(word) => write!(f, "{word:?} names what no feed reports"),
            Self::Kind(kind) => write!(
                f,
                "no feed reports {kind:?}: a kind is one of {}",
                reportable().collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

impl std::error::Error for NotAFeeds {}

/// Whether a feed can have this name.
pub fn check_source(source: &str) -> Result<(), NotAFeeds> {
    let fits = (1..=MAX_SOURCE).contains(&source.len())
        && source
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        return Err(NotAFeeds::Shape);
    }
    match lutong_kernel::source::reserved(source) {
        Some(word) => Err(NotAFeeds::Reserved(word)),
        None => Ok(()),
    }
}

/// Whether a feed can be granted this kind.
pub fn check_kind(kind: &str) -> Result<(), NotAFeeds> {
    if reportable().any(|one| one == kind) {
        return Ok(());
    }
    Err(NotAFeeds::Kind(kind.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_is_named_and_reports_what_a_feed_may() {
        for authority in Authority::ALL {
            assert_eq!(authority.as_str().parse(), Ok(authority));
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
            assert_eq!(check_source(bad), Err(NotAFeeds::Shape), "{bad}");
        }
        for reserved in ["self", "federation", "partner-37", "officer-1"] {
            assert!(matches!(check_source(reserved), Err(NotAFeeds::Reserved(_))));
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
