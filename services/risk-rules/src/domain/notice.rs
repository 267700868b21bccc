//! Notices of risk areas as published: read whole or refused whole, placed by name, compared with what is listed.

mod community;
pub mod compare;
pub mod intervals;
pub mod place;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use lutong_kernel::{DivisionCode, Timestamp};

use super::area::{AreaEntry, RiskLevel};
use community::Placement;

/// The real notice of 2022-11-26 08:00, gzipped.
pub const BUNDLED_2022_11_26_GZ: &[u8] = include_bytes!("../../data/notices/2022112608-e543b1b4.json.gz");

/// Why a notice is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// Not JSON, or cut off.
    #[error("byte {offset}: {reason}")]
    Unreadable { offset: usize, reason: String },
    /// JSON of another shape.
    #[error("{path}: {reason}")]
    Shape { path: String, reason: String },
    /// A count does not match its list.
    #[error("{path} states {stated}, the list has {listed}")]
    CountsDiffer { path: String, stated: i64, listed: i64 },
}

/// One place that the notice lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Listing {
    pub code: DivisionCode,
    pub community: String,
    pub level: RiskLevel,
}

/// Why an officer must place a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Everything but something: "除2号楼以外其它楼宇".
    Complement,
    /// A whole area: 全域.
    WholeArea,
    /// The row names a city only, or a place that GB/T 2260 does not have.
    PlaceUnknown,
}

impl Reason {
    pub const ALL: [Self; 3] = [Self::Complement, Self::WholeArea, Self::PlaceUnknown];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complement => "Complement",
            Self::WholeArea => "WholeArea",
            Self::PlaceUnknown => "PlaceUnknown",
        }
    }
}

/// A row that an officer must place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unplaced {
    pub place: String,
    pub community: String,
    pub level: RiskLevel,
    pub reason: Reason,
}

/// A notice, placed.
#[derive(Debug, Clone)]
pub struct Notice {
    pub published_at: Timestamp,
    /// Each place once, split where that is unambiguous.
    pub listings: Vec<Listing>,
    pub needs_placement: Vec<Unplaced>,
    /// Communities of the low-risk list: counted, of no consequence.
    pub low: usize,
}

/// What a notice changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticeDiff {
    pub opened: Vec<AreaEntry>,
    /// The open entries with their `to`.
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
                Err(reason) => self.needs_placement.push(Unplaced {
                    place: format!("{} {} {}", row.province, row.city, row.county),
                    community: stated.clone(),
                    level,
                    reason,
                }),
            }
        }
    }
}

/// Where a stated community lies, one name or several, or why an officer must say.
fn placed(code: Option<DivisionCode>, stated: &str) -> Result<(DivisionCode, Vec<String>), Reason> {
    match (code, community::read(stated)) {
        (_, Placement::ByOfficer(reason)) => Err(reason),
        (None, Placement::Named(_)) => Err(Reason::PlaceUnknown),
        (Some(code), Placement::Named(names)) => Ok((code, names)),
    }
}

/// Compares a complete notice with the entries that notices have opened: still listed is nothing new, no longer listed
/// is lifted at the notice's time.
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
