//! Who states facts, by the first word of a source's name: `cdc-370200` is a feed of a CDC, `self` the person.

use std::fmt;

use strum::VariantArray as _;

/// An authority that the order names as a feed. The names are those of the contract (`FactKindSpec.authorities`).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case", const_into_str)]
#[strum(parse_err_ty = UnknownAuthority, parse_err_fn = unknown_authority)]
pub enum Authority {
    /// Fever clinics.
    Hospital,
    /// Cases, contacts, isolation.
    Cdc,
    /// Entry, quarantine.
    Border,
    /// Nucleic acid and antibody tests.
    Laboratory,
    /// Stays, from tickets.
    Transport,
    /// Stays, from base stations.
    Telecom,
    /// What the province's database of the epidemic collects.
    EpidemicDatabase,
}

impl Authority {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// For the person concerned, Chinese and English.
    pub const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Hospital => ("医疗机构", "a hospital"),
            Self::Cdc => ("疾控机构", "a centre for disease control"),
            Self::Border => ("口岸", "the border authority"),
            Self::Laboratory => ("检测机构", "a laboratory"),
            Self::Transport => ("交通部门", "a transport authority"),
            Self::Telecom => ("通信部门", "a telecom authority"),
            Self::EpidemicDatabase => ("省疫情数据库", "the province's epidemic database"),
        }
    }

    fn owns(self, source: &str) -> bool {
        source
            .strip_prefix(self.into_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into_str())
    }
}

/// The text is not the name of an authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no feed {0:?}: a feed is one of {names}", names = names())]
pub struct UnknownAuthority(String);

fn unknown_authority(text: &str) -> UnknownAuthority {
    UnknownAuthority(text.chars().take(40).collect())
}

fn names() -> String {
    let names: Vec<_> = Authority::ALL.iter().map(Authority::into_str).collect();
    names.join(", ")
}

/// Who stands behind a source. Only what an authority's feed reported can be rolled back as a batch; people, partners and
/// officers take back what they stated in ways of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// `self`: the person concerned.
    Person,
    /// `federation`, and `partner-…`: another province's code system.
    Partner,
    /// `officer-…`: health officers of a division.
    Officer,
    /// `complaint`: the body that handles appeals, for interim relief.
    Complaint,
    Authority(Authority),
}

/// The first word of the name is no source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a source begins with the name of its authority: {}", names())]
pub struct UnknownSource;

impl Source {
    /// Who stands behind the source of this name.
    pub fn of(name: &str) -> Result<Self, UnknownSource> {
        match name.split('-').next().unwrap_or_default() {
            "self" => return Ok(Self::Person),
            "federation" | "partner" => return Ok(Self::Partner),
            "officer" => return Ok(Self::Officer),
            "complaint" => return Ok(Self::Complaint),
            _ => {}
        }
        let mut authorities = Authority::ALL.iter().copied();
        authorities
            .find(|authority| authority.owns(name))
            .map(Self::Authority)
            .ok_or(UnknownSource)
    }

    /// Whether the name is that of an authority's feed.
    pub fn is_feed(name: &str) -> bool {
        matches!(Self::of(name), Ok(Self::Authority(_)))
    }

    /// For the person concerned, Chinese and English.
    pub const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Person => ("本人申报", "your own statement"),
            Self::Partner => ("外省健康码平台", "another province's code system"),
            Self::Officer => ("防控机构", "health officers"),
            Self::Complaint => ("申诉受理机构", "the body that handles appeals"),
            Self::Authority(authority) => authority.title(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_belongs_to_the_authority_that_its_name_begins_with() {
        for authority in Authority::ALL.iter().copied() {
            assert_eq!(authority.to_string().parse(), Ok(authority));
            for name in [authority.to_string(), format!("{authority}-370200")] {
                assert_eq!(Source::of(&name), Ok(Source::Authority(authority)), "{name}");
                assert!(Source::is_feed(&name));
            }
        }
    }

    #[test]
    fn people_partners_officers_and_appeals_are_sources_and_no_feeds() {
        for (name, source) in [
            ("self", Source::Person),
            ("federation", Source::Partner),
            ("partner-32", Source::Partner),
            ("officer-370202", Source::Officer),
            ("complaint", Source::Complaint),
        ] {
            assert_eq!(Source::of(name), Ok(source), "{name}");
            assert!(!Source::is_feed(name), "{name}");
        }
    }

    #[test]
    fn another_first_word_is_no_source() {
        for name in [
            "",
            "lab-370203",
            "police-1",
            "cdcs",
            "epidemic-data",
            "selfservice-1",
            "CDC-1",
        ] {
            let error = Source::of(name).unwrap_err().to_string();
            assert!(error.contains("laboratory, transport"), "{name}: {error}");
            assert!(!Source::is_feed(name), "{name}");
        }
        let error = "police".parse::<Authority>().unwrap_err().to_string();
        assert!(
            error.contains("\"police\"") && error.contains("epidemic-database"),
            "{error}"
        );
    }

    #[test]
    fn every_source_has_a_title_of_its_own() {
        let mut sources: Vec<_> = Authority::ALL.iter().copied().map(Source::Authority).collect();
        sources.extend([
            Source::Person,
            Source::Partner,
            Source::Officer,
            Source::Complaint,
        ]);
        let titles: std::collections::BTreeSet<_> = sources.iter().map(|source| source.title()).collect();
        assert_eq!(titles.len(), sources.len());
    }
}
