//! Published notices of risk areas. A notice is accepted or rejected as a whole; its rows are mapped to divisions by name and
//! compared with the current listings.

mod community;
pub mod compare;
pub mod intervals;
pub mod place;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use lutong_kernel::{DivisionCode, Timestamp};
use strum::{EnumString, IntoStaticStr};

use super::area::{AreaEntry, RiskLevel};
use community::CommunityReading;

/// The notice published on 2022-11-26 08:00, gzipped.
pub const BUNDLED_2022_11_26_GZ: &[u8] = include_bytes!("../data/notices/2022112608-e543b1b4.json.gz");

/// Why a notice is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// Not JSON, or truncated.
    #[error("byte {offset}: {reason}")]
    Unreadable { offset: usize, reason: String },
    /// JSON with another structure.
    #[error("{path}: {reason}")]
    Shape { path: String, reason: String },
    /// A stated count differs from the length of its list.
    #[error("{path} states {stated}, the list has {listed}")]
    CountsDiffer { path: String, stated: i64, listed: i64 },
}

/// A place that a notice lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Listing {
    pub code: DivisionCode,
    pub community: String,
    pub level: RiskLevel,
}

/// Why a row has to be placed by an officer.
/// Its variants' names are what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(const_into_str)]
pub enum PlacementReason {
    /// The row names an area except for a part of it: "除2号楼以外其它楼宇".
    Complement,
    /// The row names a whole area: 全域.
    WholeArea,
    /// The row names only a city, or a place that GB/T 2260 does not contain.
    PlaceUnknown,
}

/// A row that has to be placed by an officer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnplacedListing {
    pub place: String,
    pub community: String,
    pub level: RiskLevel,
    pub reason: PlacementReason,
}

/// A parsed notice whose rows are mapped to divisions.
#[derive(Debug, Clone)]
pub struct Notice {
    pub published_at: Timestamp,
    /// Without repetitions. A row that unambiguously names several buildings yields several listings.
    pub listings: Vec<Listing>,
    pub needs_placement: Vec<UnplacedListing>,
    /// Number of communities on the low-risk list, which has no effect.
    pub low: usize,
}

/// The changes that a notice makes to the listings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticeDiff {
    pub opened: Vec<AreaEntry>,
    /// The listings that the notice ends, with their `to`.
    pub lifted: Vec<AreaEntry>,
    pub unchanged: usize,
}

impl Notice {
    pub fn parse(json: &[u8]) -> Result<Self, NoticeError> {
        let data = wire::read(json)?;
        let mut notice = Self {
            published_at: wire::published_at(&data.end_update_time)?,
            listings: Vec::new(),
            needs_placement: Vec::new(),
            low: data.lowlist.iter().map(|row| row.communitys.len()).sum(),
        };
        let mut seen = HashSet::new();
        for (level, rows) in [
            (RiskLevel::High, data.highlist),
            (RiskLevel::Medium, data.middlelist),
        ] {
            for row in rows {
                notice.place(level, &row, &mut seen);
            }
        }
        Ok(notice)
    }

    fn place(&mut self, level: RiskLevel, row: &wire::Row, seen: &mut HashSet<Listing>) {
        let code = place::code_of(&row.province, &row.city, &row.county);
        for stated in &row.communitys {
            match placed(code, stated) {
                Ok((code, names)) => {
                    for community in names {
                        let listing = Listing {
                            code,
                            community,
                            level,
                        };
                        if seen.insert(listing.clone()) {
                            self.listings.push(listing);
                        }
                    }
                }
                Err(reason) => self.needs_placement.push(UnplacedListing {
                    place: format!("{} {} {}", row.province, row.city, row.county),
                    community: stated.clone(),
                    level,
                    reason,
                }),
            }
        }
    }
}

/// The division and the names that a stated community denotes, or why an officer has to place it.
fn placed(code: Option<DivisionCode>, stated: &str) -> Result<(DivisionCode, Vec<String>), PlacementReason> {
    match (code, community::read(stated)) {
        (_, CommunityReading::ByOfficer(reason)) => Err(reason),
        (None, CommunityReading::Named(_)) => Err(PlacementReason::PlaceUnknown),
        (Some(code), CommunityReading::Named(names)) => Ok((code, names)),
    }
}

/// Compares a complete notice with the open listings that earlier notices opened. A place that is listed again stays as it is; a
/// place that is no longer listed ends at the publication of the notice.
pub fn diff(open: &[AreaEntry], notice: &Notice, recorded_at: Timestamp) -> NoticeDiff {
    let listed: HashSet<_> = notice
        .listings
        .iter()
        .map(|one| (one.code, Some(one.community.as_str()), one.level))
        .collect();
    let known: HashSet<_> = open
        .iter()
        .map(|one| (one.code, one.community.as_deref(), one.level))
        .collect();
    let mut diff = NoticeDiff::default();
    for listing in &notice.listings {
        if known.contains(&(listing.code, Some(listing.community.as_str()), listing.level)) {
            diff.unchanged += 1;
            continue;
        }
        diff.opened.push(AreaEntry {
            code: listing.code,
            community: Some(listing.community.clone()),
            level: listing.level,
            from: notice.published_at,
            to: None,
            recorded_at,
        });
    }
    let gone = open
        .iter()
        .filter(|one| !listed.contains(&(one.code, one.community.as_deref(), one.level)));
    diff.lifted = gone
        .map(|one| AreaEntry {
            to: Some(notice.published_at),
            recorded_at,
            ..one.clone()
        })
        .collect();
    diff
}
