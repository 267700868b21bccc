//! Compares two notices: places that the later one opens, lifts or lists at another level, counted by level and city.

use std::collections::BTreeMap;

use lutong_kernel::{DivisionCode, Timestamp};

use super::{Listing, Notice, UnplacedListing, place};
use crate::area::RiskLevel;

/// The differences between two notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub before: Timestamp,
    pub after: Timestamp,
    /// Sorted by division, then community, as are `lifted` and `changed`.
    pub opened: Vec<Listing>,
    pub lifted: Vec<Listing>,
    pub changed: Vec<LevelChange>,
    /// Sorted by level, then by city.
    pub tallies: BTreeMap<(RiskLevel, City), Tally>,
    /// Rows of the later notice that an officer has to place and that the earlier one does not contain.
    pub unplaced_opened: Vec<UnplacedListing>,
    pub unplaced_lifted: Vec<UnplacedListing>,
}

/// A place that both notices list, at different levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelChange {
    pub before: RiskLevel,
    /// As the later notice lists it.
    pub listing: Listing,
}

/// A city, by the first four digits of its GB/T 2260 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct City(u32);

impl City {
    const fn of(code: DivisionCode) -> Self {
        Self(code.county().number() / 100)
    }

    /// As a division code: `370200`.
    pub fn code(self) -> String {
        format!("{}00", self.0)
    }

    /// `山东省青岛市`; the code if the bundled tables contain no name.
    pub fn name(self) -> String {
        place::city_name(self.0).unwrap_or_else(|| self.code())
    }
}

/// Number of places of one level in one city. A place whose level changed is counted under the new level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub opened: usize,
    pub lifted: usize,
    pub changed: usize,
    pub unchanged: usize,
}

type Place<'a> = (DivisionCode, &'a str);

/// Compares two complete notices, given in any order.
pub fn compare(one: &Notice, other: &Notice) -> Comparison {
    let (before, after) = if one.published_at <= other.published_at {
        (one, other)
    } else {
        (other, one)
    };
    let (was, is) = (levels(before), levels(after));
    let mut comparison = Comparison {
        before: before.published_at,
        after: after.published_at,
        opened: Vec::new(),
        lifted: Vec::new(),
        changed: Vec::new(),
        tallies: BTreeMap::new(),
        unplaced_opened: beyond(after, before),
        unplaced_lifted: beyond(before, after),
    };
    for (place, level) in &is {
        let listing = listing(*place, *level);
        let tally = comparison.tallies.entry((*level, City::of(place.0))).or_default();
        match was.get(place) {
            None => {
                tally.opened += 1;
                comparison.opened.push(listing);
            }
            Some(before) if before == level => tally.unchanged += 1,
            Some(before) => {
                tally.changed += 1;
                comparison.changed.push(LevelChange {
                    before: *before,
                    listing,
                });
            }
        }
    }
    for (place, level) in was.iter().filter(|(place, _)| !is.contains_key(*place)) {
        let tally = comparison.tallies.entry((*level, City::of(place.0)));
        tally.or_default().lifted += 1;
        comparison.lifted.push(listing(*place, *level));
    }
    comparison
}

/// The level of each place; a place listed twice has the more severe level.
fn levels(notice: &Notice) -> BTreeMap<Place<'_>, RiskLevel> {
    let mut levels = BTreeMap::new();
    for one in &notice.listings {
        let level = levels
            .entry((one.code, one.community.as_str()))
            .or_insert(one.level);
        *level = one.level.min(*level);
    }
    levels
}

fn listing((code, community): Place<'_>, level: RiskLevel) -> Listing {
    Listing {
        code,
        community: community.to_owned(),
        level,
    }
}

/// Rows to be placed that are in `of` and not in `other`.
fn beyond(of: &Notice, other: &Notice) -> Vec<UnplacedListing> {
    let known: std::collections::HashSet<_> = other.needs_placement.iter().collect();
    let mut rows: Vec<_> = of
        .needs_placement
        .iter()
        .filter(|row| !known.contains(row))
        .collect();
    rows.sort_by_key(|row| (&row.place, &row.community, row.level));
    rows.dedup();
    rows.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(hour: u8, high: &[&str], medium: &[&str]) -> Notice {
        let rows = |communities: &[&str]| serde_json::json!([{"province": "山东省", "city": "青岛市", "county": "市南区", "communitys": communities}]);
        let json = serde_json::json!({"data": {"end_update_time": format!("2022-11-26 {hour:02}时"),
            "hcount": high.len(), "mcount": medium.len(), "highlist": rows(high), "middlelist": rows(medium)}});
        Notice::parse(json.to_string().as_bytes()).unwrap()
    }

    fn names(listings: &[Listing]) -> Vec<&str> {
        listings.iter().map(|one| one.community.as_str()).collect()
    }

    #[test]
    fn what_opened_was_lifted_and_changed_its_level_is_told_by_level_and_city() {
        let before = notice(8, &["甲", "乙", "除1号楼外"], &["丙", "丁"]);
        let after = notice(12, &["甲", "丙", "戊", "除2号楼外"], &["丁"]);
        let found = compare(&before, &after);
        assert_eq!(
            (names(&found.opened), names(&found.lifted)),
            (vec!["戊"], vec!["乙"])
        );
        let [changed] = &found.changed[..] else {
            panic!("one changed its level")
        };
        assert_eq!(
            (
                changed.before,
                changed.listing.level,
                changed.listing.community.as_str()
            ),
            (RiskLevel::Medium, RiskLevel::High, "丙")
        );
        let tallies: Vec<_> = found
            .tallies
            .iter()
            .map(|((level, city), tally)| (*level, city.name(), *tally))
            .collect();
        let tally = |opened, lifted, changed, unchanged| Tally {
            opened,
            lifted,
            changed,
            unchanged,
        };
        let city = || "山东省青岛市".to_owned();
        assert_eq!(
            tallies,
            [
                (RiskLevel::High, city(), tally(1, 1, 1, 1)),
                (RiskLevel::Medium, city(), tally(0, 0, 0, 1))
            ]
        );
        assert_eq!(found.unplaced_opened[0].community, "除2号楼外");
        assert_eq!(found.unplaced_lifted[0].community, "除1号楼外");
    }

    #[test]
    fn the_order_of_the_two_files_does_not_matter() {
        let (before, after) = (notice(8, &["甲"], &[]), notice(12, &["乙"], &[]));
        assert_eq!(compare(&before, &after), compare(&after, &before));
        assert_eq!(compare(&before, &before).opened, []);
    }
}
