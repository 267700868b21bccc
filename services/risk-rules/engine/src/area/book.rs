//! All listings in memory, found by place, by key and as they were known at an instant.

use lutong_kernel::{DivisionCode, Timestamp};
use rustc_hash::FxHashMap;

use super::{AreaEntry, AreaKey, RiskLevel};
use crate::packed::community_key;

/// Which listings a query returns.
#[derive(Debug, Clone, Default)]
pub struct AreaQuery {
    /// Listings of this division and of divisions inside it.
    pub division: Option<DivisionCode>,
    pub level: Option<RiskLevel>,
    /// Only listings without an end or with an end in the future.
    pub open_only: bool,
    /// The state known at this instant; `None`: the state known now.
    pub known_at: Option<Timestamp>,
}

/// The level and period of a listing, as known at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingPeriod {
    pub level: RiskLevel,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

/// One recorded state of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RecordedState {
    level: RiskLevel,
    from: Timestamp,
    recorded_at: Timestamp,
    /// Of two states recorded at the same instant, one with an end replaces one without, then the later end wins. Any fixed order
    /// is sufficient, provided that it does not depend on the order of insertion.
    to: Option<Timestamp>,
}

/// The lookup key of a community: its division and the key of its name.
type PlaceKey = (u32, i64);

/// All recorded states of all listings, indexed by place.
#[derive(Debug, Clone, Default)]
pub struct AreaBook {
    whole: FxHashMap<u32, Vec<RecordedState>>,
    communities: FxHashMap<PlaceKey, Vec<RecordedState>>,
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
        let recorded = RecordedState {
            level: entry.level,
            from: entry.from,
            recorded_at: entry.recorded_at,
            to: entry.to,
        };
        // Sorted by replacement order, independent of the order of insertion.
        let place = there.partition_point(|other| *other <= recorded);
        there.insert(place, recorded);
    }

    /// Number of recorded states, replaced ones included.
    pub fn len(&self) -> usize {
        self.whole.values().map(Vec::len).sum::<usize>()
            + self.communities.values().map(Vec::len).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.communities.is_empty()
    }

    /// Every listing in its last recorded state, in no particular order.
    pub fn latest(&self) -> impl Iterator<Item = AreaEntry> {
        self.as_known(Timestamp::MAX)
    }

    /// Every listing as it was known at an instant, in no particular order.
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

    /// A page of listings, ordered by key.
    pub fn page(
        &self,
        query: &AreaQuery,
        now: Timestamp,
        after: Option<&AreaKey>,
        limit: usize,
    ) -> Vec<AreaEntry> {
        let at = query.known_at.unwrap_or(now);
        let asked = self.as_known(at).filter(|area| {
            query.division.is_none_or(|place| place.contains(area.code))
                && query.level.is_none_or(|level| area.level == level)
                && !(query.open_only && area.to.is_some_and(|to| to <= at))
                && after.is_none_or(|after| area.key() > *after)
        });
        let mut found: Vec<_> = asked.collect();
        // The derived order of the fields equals the order of the keys.
        found.sort_unstable();
        found.truncate(limit);
        found
    }

    /// Listings without an end, in their last recorded state.
    pub fn open(&self) -> Vec<AreaEntry> {
        self.latest().filter(|entry| entry.to.is_none()).collect()
    }

    /// Calls `found` with the listings of a level that cover a place, as known at `known_at`: listings of the place itself and of
    /// every division that contains it. A listing with a community covers the identical division and community only.
    pub fn covering(
        &self,
        place: DivisionCode,
        community: Option<i64>,
        level: RiskLevel,
        known_at: Timestamp,
        mut found: impl FnMut(ListingPeriod),
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

fn current(
    states: &[RecordedState],
    level: RiskLevel,
    known_at: Timestamp,
    found: &mut impl FnMut(ListingPeriod),
) {
    let mut last: Option<ListingPeriod> = None;
    for state in states
        .iter()
        .filter(|state| state.level == level && state.recorded_at <= known_at)
    {
        let listing = ListingPeriod {
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

/// The place, its county, its city (`…00`) and its province (`…0000`), without repetitions.
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
mod tests;
