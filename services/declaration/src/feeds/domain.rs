//! What a feed may report: the authorities of the order, the fact kinds of each, and the names that a feed must not have.

use std::fmt;

use lutong_kernel::source::UnknownSource;
use lutong_kernel::{Authority, Source};
use lutong_proto::facts::FactKind;

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

/// The kinds that a feed of this authority reports, as the contract says. Isolation is part of the reports of a CDC (observation of a
/// contact, closure of a case), quarantine is part of an entry.
pub fn kinds_of(authority: Authority) -> Vec<&'static str> {
    let reports = |kind: &FactKind| kind.reporting().authorities.contains(&authority.into_str());
    FactKind::ALL
        .into_iter()
        .filter(reports)
        .map(FactKind::as_str)
        .collect()
}

/// Why a feed cannot have a name or be granted a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantError {
    Shape,
    Source(UnknownSource),
    NotAFeed,
    Kind(String),
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => write!(f, "a source has 1 to {MAX_SOURCE} of a-z, 0-9 and -"),
            Self::Source(unknown) => unknown.fmt(f),
            Self::NotAFeed => f.write_str("people, officers and partners state under that name, and no feed"),
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
    match Source::of(source) {
        Ok(Source::Authority(_)) => Ok(()),
        Ok(_) => Err(GrantError::NotAFeed),
        Err(unknown) => Err(GrantError::Source(unknown)),
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_authorities_are_those_of_the_contract_and_report_what_a_feed_may() {
        let contract: BTreeSet<&str> = FactKind::ALL
            .iter()
            .flat_map(|kind| kind.reporting().authorities)
            .copied()
            .collect();
        let ours: BTreeSet<&str> = Authority::ALL.iter().map(Authority::into_str).collect();
        assert_eq!(ours, contract);
        for authority in Authority::ALL.iter().copied() {
            assert!(kinds_of(authority).iter().all(|kind| check_kind(kind).is_ok()));
        }
    }

    #[test]
    fn a_feed_has_neither_the_name_nor_the_kinds_of_what_is_not_reported() {
        for good in ["cdc-370200", "laboratory-370203", "epidemic-database"] {
            assert_eq!(check_source(good), Ok(()));
        }
        for bad in ["", "CDC", "疾控", "cdc 1", "cdc/1", &"a".repeat(101)] {
            assert_eq!(check_source(bad), Err(GrantError::Shape), "{bad}");
        }
        for reserved in [
            "self",
            "federation",
            "partner-37",
            "officer-1",
            "complaint",
            "complaint-1",
        ] {
            assert_eq!(check_source(reserved), Err(GrantError::NotAFeed), "{reserved}");
        }
        for unknown in ["lab-370203", "selfservice-1"] {
            let error = check_source(unknown).unwrap_err().to_string();
            assert!(error.contains("laboratory"), "{error}");
        }
        for kind in ["designation", "partner_code", "relief", "cases", ""] {
            assert!(
                check_kind(kind)
                    .unwrap_err()
                    .to_string()
                    .contains("close_contact")
            );
        }
    }
}
