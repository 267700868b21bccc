//! Risk areas: which places were listed, at which level, from when until when, and since when that is known.

use std::fmt;
use std::str::FromStr;

use lutong_kernel::{DivisionCode, Timestamp};
use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::packed::community_key;

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

/// What tells listings apart, and their order.
pub type AreaKey = (DivisionCode, Option<String>, RiskLevel, Timestamp);

impl AreaEntry {
    pub fn key(&self) -> AreaKey {
        (self.code, self.community.clone(), self.level, self.from)
    }

    /// The listing's id: made of its key, so that it is the same whatever becomes known of its end.
    pub fn id(&self) -> Uuid {
        let mut digest = Sha256::new();
        digest.update(b"area\n");
        digest.update(self.code.number().to_be_bytes());
        digest.update(self.from.micros().to_be_bytes());
        digest.update(self.level.as_str());
        digest.update(b"\n");
        digest.update(self.community.as_deref().unwrap_or_default());
        let digest: [u8; 32] = digest.finalize().into();
        let (id, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        uuid::Builder::from_custom_bytes(*id).into_uuid()
    }

    /// `areas/{area}`.
    pub fn name(&self) -> String {
        format!("areas/{}", self.id())
    }

    /// Whether both say the same, whenever they were recorded.
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        (self.code, &self.community, self.level) == (other.code, &other.community, other.level)
            && (self.from, self.to) == (other.from, other.to)
    }
}

/// Which listings.
#[derive(Debug, Clone, Default)]
pub struct AreaQuery {
    /// Those of this place and of what lies in it.
    pub within: Option<DivisionCode>,
    pub level: Option<RiskLevel>,
    /// Only those without an end, or with one to come.
    pub open_only: bool,
    /// As known then; absent: now.
    pub known_at: Option<Timestamp>,
}

/// From when until when a listing holds, as known at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    pub level: RiskLevel,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

/// One recorded state of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    level: RiskLevel,
    from: Timestamp,
    recorded_at: Timestamp,
    /// Of two recorded at the same instant the one with an end wins, then the later end: any fixed order will do, as
    /// long as it does not depend on which came first.
    to: Option<Timestamp>,
}

/// A place as areas are looked up: division, and the key of the community's name.
type PlaceKey = (u32, i64);

/// All listings, found by place.
#[derive(Debug, Clone, Default)]
pub struct AreaBook {
    whole: FxHashMap<u32, Vec<State>>,
    communities: FxHashMap<PlaceKey, Vec<State>>,
    names: FxHashMap<PlaceKey, String>,
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
        let number = entry.code.number();
        let there = match entry.community {
            None => self.whole.entry(number).or_default(),
            Some(name) => {
                let key = (number, community_key(&name));
                self.names.entry(key).or_insert(name);
                self.communities.entry(key).or_default()
            }
        };
        let recorded = State {
            level: entry.level,
            from: entry.from,
            recorded_at: entry.recorded_at,
            to: entry.to,
        };
        // In the order in which one replaces another, whatever the order of insertion.
        let place = there.partition_point(|other| *other <= recorded);
        there.insert(place, recorded);
    }

    /// Entries, replaced ones included.
    pub fn len(&self) -> usize {
        self.whole.values().map(Vec::len).sum::<usize>()
            + self.communities.values().map(Vec::len).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.communities.is_empty()
    }

    /// Every listing as last recorded, in no order.
    pub fn latest(&self) -> impl Iterator<Item = AreaEntry> {
        self.as_known(Timestamp::MAX)
    }

    /// Every listing as it was known at an instant, in no order.
    pub fn as_known(&self, known_at: Timestamp) -> impl Iterator<Item = AreaEntry> {
        let whole = self.whole.iter().map(|(code, states)| (*code, None, states));
        let named = self
            .communities
            .iter()
            .map(|(key, states)| (key.0, self.names.get(key), states));
        whole.chain(named).flat_map(move |(number, name, states)| {
            let last = states.iter().enumerate().filter(move |(n, state)| {
                let next = states.get(n + 1).filter(|next| next.recorded_at <= known_at);
                state.recorded_at <= known_at
                    && next.is_none_or(|next| (next.level, next.from) != (state.level, state.from))
            });
            last.filter_map(move |(_, state)| {
                Some(AreaEntry {
                    code: DivisionCode::from_number(number).ok()?,
                    community: name.cloned(),
                    level: state.level,
                    from: state.from,
                    to: state.to,
                    recorded_at: state.recorded_at,
                })
            })
        })
    }

    /// A page of listings by their keys.
    pub fn page(
        &self,
        query: &AreaQuery,
        now: Timestamp,
        after: Option<&AreaKey>,
        limit: usize,
    ) -> Vec<AreaEntry> {
        let at = query.known_at.unwrap_or(now);
        let asked = self.as_known(at).filter(|area| {
            query.within.is_none_or(|place| place.contains(area.code))
                && query.level.is_none_or(|level| area.level == level)
                && !(query.open_only && area.to.is_some_and(|to| to <= at))
                && after.is_none_or(|after| area.key() > *after)
        });
        let mut found: Vec<_> = asked.collect();
        // The order of the fields is that of the keys.
        found.sort_unstable();
        found.truncate(limit);
        found
    }

    /// Listings without an end, each as last recorded.
    pub fn open(&self) -> Vec<AreaEntry> {
        self.latest().filter(|entry| entry.to.is_none()).collect()
    }

    /// Tells `found` the listings of a level that cover a place, as known at `known_at`: those of the place itself and of
    /// every code it lies in. A listing with a community covers the identical code and community only.
    pub fn covering(
        &self,
        place: DivisionCode,
        community: Option<i64>,
        level: RiskLevel,
        known_at: Timestamp,
        mut found: impl FnMut(Listing),
    ) {
        if !self.whole.is_empty() {
            for code in with_ancestors(place) {
                if let Some(states) = self.whole.get(&code) {
                    current(states, level, known_at, &mut found);
                }
            }
        }
        if let Some(states) = community.and_then(|key| self.communities.get(&(place.number(), key))) {
            current(states, level, known_at, &mut found);
        }
    }
}

fn current(states: &[State], level: RiskLevel, known_at: Timestamp, found: &mut impl FnMut(Listing)) {
    let mut last: Option<Listing> = None;
    for state in states
        .iter()
        .filter(|state| state.level == level && state.recorded_at <= known_at)
    {
        let listing = Listing {
            level,
            from: state.from,
            to: state.to,
        };
        if let Some(before) = last.replace(listing)
            && before.from != state.from
        {
            found(before);
        }
    }
    if let Some(listing) = last {
        found(listing);
    }
}

/// The place, its county, its city (`…00`), its province (`…0000`), each once.
fn with_ancestors(place: DivisionCode) -> impl Iterator<Item = u32> {
    let county = place.county().number();
    let codes = [
        place.number(),
        county,
        county / 100 * 100,
        county / 10_000 * 10_000,
    ];
    (0..codes.len())
        .filter(move |n| *n == 0 || codes[*n] != codes[*n - 1])
        .map(move |n| codes[n])
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
        !listings(book, place, community, 30).is_empty()
    }

    fn listings(book: &AreaBook, place: &str, community: Option<&str>, known: u8) -> Vec<Listing> {
        let mut found = Vec::new();
        let key = community.map(community_key);
        book.covering(code(place), key, RiskLevel::High, at(known), |listing| {
            found.push(listing);
        });
        found
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
            let known = |day| listings(&book, "370202", None, day);
            assert_eq!(known(10).iter().map(|l| l.to).collect::<Vec<_>>(), [None]);
            assert_eq!(known(11).iter().map(|l| l.to).collect::<Vec<_>>(), [Some(at(10))]);
            assert_eq!(book.len(), 2);
        }
    }

    #[test]
    fn an_id_is_of_one_listing_whatever_is_known_of_its_end() {
        let open = entry("370202", Some("甲小区"), None, 1);
        assert_eq!(open.id(), entry("370202", Some("甲小区"), Some(10), 11).id());
        let others = [
            entry("370203", Some("甲小区"), None, 1),
            entry("370202", None, None, 1),
            AreaEntry {
                level: RiskLevel::Medium,
                ..open.clone()
            },
            AreaEntry {
                from: at(2),
                ..open.clone()
            },
        ];
        assert!(others.iter().all(|other| other.id() != open.id()));
        assert_eq!(open.id().get_version_num(), 8);
    }

    #[test]
    fn listings_are_paged_by_key_within_a_division_as_known_then() {
        let book = AreaBook::new([
            entry("370203", None, None, 1),
            entry("370202", Some("甲小区"), None, 1),
            entry("370202", Some("甲小区"), Some(10), 11),
            entry("370102", None, None, 1),
            entry("370302", None, None, 20),
        ]);
        let page = |within: &str, open_only, known: u8, after: Option<&AreaKey>, limit| {
            let query = AreaQuery {
                within: DivisionCode::parse(within).ok(),
                level: None,
                open_only,
                known_at: Some(at(known)),
            };
            book.page(&query, at(30), after, limit)
        };
        let codes =
            |found: Vec<AreaEntry>| -> Vec<String> { found.iter().map(|one| one.code.to_string()).collect() };
        assert_eq!(
            codes(page("", false, 10, None, 9)),
            ["370102", "370202", "370203"]
        );
        assert_eq!(codes(page("370200", true, 30, None, 9)), ["370203"]);
        assert_eq!(codes(page("370200", true, 10, None, 9)), ["370202", "370203"]);
        let first = page("370000", false, 30, None, 2);
        let last = first.last().map(AreaEntry::key);
        assert_eq!(
            codes(page("370000", false, 30, last.as_ref(), 9)),
            ["370203", "370302"]
        );
    }
}
