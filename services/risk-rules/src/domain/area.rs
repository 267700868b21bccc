//! Risk areas: which places were listed, at which level, from when until when, and since when that is known.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use lutong_kernel::{DivisionCode, Timestamp};

/// Levels of the lists. `Key` (重点地区) comes only from an officer's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskLevel {
    Key,
    High,
    Medium,
    /// Listed too; no rule asks for it.
    Low,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a level is one of key, high, medium, low")]
pub struct UnknownLevel;

impl RiskLevel {
    pub const ALL: [Self; 4] = [Self::Key, Self::High, Self::Medium, Self::Low];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for RiskLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RiskLevel {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or(UnknownLevel)
    }
}

/// One listing. A later-recorded one with the same code, community, level and `from` replaces it: that is how an open
/// listing gets its `to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaEntry {
    pub code: DivisionCode,
    /// NFC, trimmed, never empty; `None`: the whole code.
    pub community: Option<String>,
    pub level: RiskLevel,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
    pub recorded_at: Timestamp,
}

/// From when until when a listing holds, as known at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    pub level: RiskLevel,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

/// All listings, found by place.
#[derive(Debug, Clone, Default)]
pub struct AreaBook {
    whole: HashMap<DivisionCode, Vec<AreaEntry>>,
    communities: HashMap<(DivisionCode, String), Vec<AreaEntry>>,
}

impl AreaBook {
    pub fn new(entries: impl IntoIterator<Item = AreaEntry>) -> Self {
        let mut book = Self::default();
        for entry in entries {
            book.insert(entry);
        }
        book
    }

    pub fn insert(&mut self, entry: AreaEntry) {
        let there = match &entry.community {
            None => self.whole.entry(entry.code).or_default(),
            Some(community) => self
                .communities
                .entry((entry.code, community.clone()))
                .or_default(),
        };
        // In the order in which one replaces another, whatever the order of insertion.
        let place = there.partition_point(|other| replacing(other) <= replacing(&entry));
        there.insert(place, entry);
    }

    /// Entries, replaced ones included.
    pub fn len(&self) -> usize {
        let count = |entries: &Vec<AreaEntry>| entries.len();
        self.whole.values().map(count).sum::<usize>() + self.communities.values().map(count).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.communities.is_empty()
    }

    /// Listings without an end, each as last recorded.
    pub fn open(&self) -> Vec<AreaEntry> {
        let mut open = Vec::new();
        for entries in self.whole.values().chain(self.communities.values()) {
            let last = entries.iter().enumerate().filter(|(n, entry)| {
                entries
                    .get(n + 1)
                    .is_none_or(|next| (next.level, next.from) != (entry.level, entry.from))
            });
            open.extend(
                last.filter(|(_, entry)| entry.to.is_none())
                    .map(|(_, entry)| entry.clone()),
            );
        }
        open
    }

    /// Listings of a level that cover a place, as known at `known_at`: those of the place itself and of every code it
    /// lies in. A listing with a community covers the identical code and community only.
    pub fn covering(
        &self,
        place: DivisionCode,
        community: Option<&str>,
        level: RiskLevel,
        known_at: Timestamp,
    ) -> Vec<Listing> {
        let mut found = Vec::new();
        for code in with_ancestors(place) {
            if let Some(entries) = self.whole.get(&code) {
                current(entries, level, known_at, &mut found);
            }
        }
        if let Some(community) = community
            && let Some(entries) = self.communities.get(&(place, community.to_owned()))
        {
            current(entries, level, known_at, &mut found);
        }
        found
    }
}

/// Of two entries recorded at the same instant the one with an end wins, then the later end: any fixed order will do,
/// as long as it does not depend on which came first.
fn replacing(entry: &AreaEntry) -> (RiskLevel, Timestamp, Timestamp, Option<Timestamp>) {
    (entry.level, entry.from, entry.recorded_at, entry.to)
}

fn current(entries: &[AreaEntry], level: RiskLevel, known_at: Timestamp, found: &mut Vec<Listing>) {
    let mut last: Option<Listing> = None;
    for entry in entries
        .iter()
        .filter(|entry| entry.level == level && entry.recorded_at <= known_at)
    {
        let listing = Listing {
            level,
            from: entry.from,
            to: entry.to,
        };
        if let Some(before) = last.replace(listing)
            && before.from != entry.from
        {
            found.push(before);
        }
    }
    found.extend(last);
}

/// The place, its county, its city (`…00`), its province (`…0000`), each once.
fn with_ancestors(place: DivisionCode) -> impl Iterator<Item = DivisionCode> {
    let county = place.county();
    let number = county.number();
    let above = [number / 100 * 100, number / 10_000 * 10_000];
    let mut codes = vec![place];
    for code in std::iter::once(county).chain(
        above
            .into_iter()
            .filter_map(|n| DivisionCode::from_number(n).ok()),
    ) {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u8) -> Timestamp {
        Timestamp::parse(&format!("2022-03-{day:02}T00:00:00+08:00")).unwrap()
    }

    fn code(text: &str) -> DivisionCode {
        DivisionCode::parse(text).unwrap()
    }

    fn entry(place: &str, community: Option<&str>, to: Option<u8>, recorded: u8) -> AreaEntry {
        AreaEntry {
            code: code(place),
            community: community.map(str::to_owned),
            level: RiskLevel::High,
            from: at(1),
            to: to.map(at),
            recorded_at: at(recorded),
        }
    }

    fn covered(book: &AreaBook, place: &str, community: Option<&str>) -> bool {
        !book
            .covering(code(place), community, RiskLevel::High, at(30))
            .is_empty()
    }

    #[test]
    fn a_whole_code_covers_everything_inside_it_and_nothing_beside_it() {
        for (listed, inside, beside) in [
            ("370202", "370202001", "370203001"),
            ("370200", "370202001", "370302"),
            ("370000", "370202", "320102"),
        ] {
            let book = AreaBook::new([entry(listed, None, None, 1)]);
            assert!(
                covered(&book, inside, None) && covered(&book, inside, Some("甲")),
                "{listed}"
            );
            assert!(
                covered(&book, listed, None) && !covered(&book, beside, None),
                "{listed}"
            );
        }
    }

    #[test]
    fn a_county_is_not_covered_by_a_listing_inside_it() {
        let book = AreaBook::new([entry("370202001", None, None, 1)]);
        assert!(!covered(&book, "370202", None));
    }

    #[test]
    fn a_community_covers_the_identical_code_and_name_only() {
        let book = AreaBook::new([entry("370202", Some("阳光小区"), None, 1)]);
        assert!(covered(&book, "370202", Some("阳光小区")));
        assert!(!covered(&book, "370202", None));
        assert!(!covered(&book, "370202", Some("阳光小区1号楼")));
        assert!(!covered(&book, "370202001", Some("阳光小区")));
    }

    #[test]
    fn a_later_recorded_entry_replaces_the_earlier_one_once_it_is_known() {
        let (open, closed) = (
            entry("370202", None, None, 1),
            entry("370202", None, Some(10), 11),
        );
        for entries in [[open.clone(), closed.clone()], [closed, open]] {
            let book = AreaBook::new(entries);
            let known = |day| book.covering(code("370202"), None, RiskLevel::High, at(day));
            assert_eq!(known(10).iter().map(|l| l.to).collect::<Vec<_>>(), [None]);
            assert_eq!(known(11).iter().map(|l| l.to).collect::<Vec<_>>(), [Some(at(10))]);
            assert_eq!(book.len(), 2);
        }
    }
}
